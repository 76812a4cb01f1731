package httpx

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// MaxText bounds a server's text in a message, in characters.
const MaxText = 300

// urls matches a URL up to a space or a quote.
var urls = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)

// Clean cleans text of a server for an error: one line without control characters, secrets, credentials and queries in URLs, and not too long.
func Clean(text string, secrets ...string) string {
	text = urls.ReplaceAllStringFunc(Redact(plain.Line(text), secrets...), func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			return "[URL]"
		}
		return u.Scheme + "://" + u.Host + u.EscapedPath()
	})
	return Redact(plain.Short(text, MaxText), secrets...)
}

// Redact masks secrets in the forms in which a server may repeat them. Shorter secrets than 4 characters would be found in ordinary text.
func Redact(text string, secrets ...string) string {
	for _, s := range secrets {
		for _, form := range []string{
			base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)), url.QueryEscape(s), url.PathEscape(s), s,
		} {
			if len(s) >= 4 {
				text = strings.ReplaceAll(text, form, "***")
			}
		}
	}
	return text
}
