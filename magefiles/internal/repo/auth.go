package repo

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// httpAuth reads the token; nil if there is none.
func (m *Remote) httpAuth(ctx context.Context) (*githttp.BasicAuth, error) {
	c := m.inURL
	if m.options.Credentials != nil {
		user, token, ok, err := m.options.Credentials(ctx, m.host())
		if err != nil {
			return nil, fmt.Errorf("token for %s: %w", m.host(), err)
		}
		if ok {
			c = credentials{user, token}
		}
	}
	if c.token == "" { // as in https://TOKEN@host
		c.user, c.token = "", c.user
	}
	if c.token == "" {
		return nil, nil
	}
	if strings.ContainsAny(c.token, "\r\n\x00") {
		return nil, fmt.Errorf("token for %s: %w: it contains a line end: check the secret", m.host(), ErrKey)
	}
	if m.endpoint.Protocol == "http" && !m.private() {
		return nil, fmt.Errorf("%w: http would send the token unencrypted: use https, or add %s to the plain hosts",
			ErrDenied, m.host())
	}
	// Forges ignore the name beside a token, but some require one.
	return &githttp.BasicAuth{Username: cmp.Or(c.user, "git"), Password: c.token}, nil
}

// host is the remote's host, with its port if that is not the protocol's.
func (m *Remote) host() string {
	if m.endpoint.Port == 0 {
		return m.endpoint.Host
	}
	return m.endpoint.Host + ":" + strconv.Itoa(m.endpoint.Port)
}

// private reports whether plain HTTP is allowed for this host: it is this machine, or the settings allow it.
func (m *Remote) private() bool {
	host := strings.Trim(m.endpoint.Host, "[]")
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return true
	}
	return slices.Contains(m.options.Plain, m.endpoint.Host) || slices.Contains(m.options.Plain, m.host())
}

// secrets are texts that no error may hold, in all their forms.
type secrets []string

// hide replaces them in an error.
func (s secrets) hide(err error) error {
	if err == nil {
		return nil
	}
	words := httpx.Redact(err.Error(), s...)
	if words == err.Error() {
		return err
	}
	return &serverError{words, err}
}

// hide replaces a text in an error.
func hide(err error, text string) error { return secrets{text}.hide(err) }
