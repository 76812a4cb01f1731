package forge

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// urls matches a URL up to a space or a quote.
var urls = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)

// maxSaid bounds what is repeated of foreign words, in characters.
const maxSaid = 300

// clean makes foreign text fit for a terminal: one line, no control characters, no credentials and queries in URLs, no great
// length.
func clean(s string) string {
	s = urls.ReplaceAllStringFunc(s, func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			return "[URL]"
		}
		return u.Scheme + "://" + u.Host + u.EscapedPath()
	})
	return plain.Short(s, maxSaid)
}

// clean is the same, and hides the token in the forms in which a server may repeat it.
func (c *Client) clean(s string) string {
	token := c.token.known()
	return hide(clean(hide(plain.Line(s), token)), token)
}

func hide(s, token string) string {
	if token == "" {
		return s
	}
	for _, form := range []string{
		base64.StdEncoding.EncodeToString([]byte(token)), base64.URLEncoding.EncodeToString([]byte(token)),
		url.QueryEscape(token), url.PathEscape(token), token,
	} {
		s = strings.ReplaceAll(s, form, "[token]")
	}
	return s
}
