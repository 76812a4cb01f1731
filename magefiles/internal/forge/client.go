// Package forge speaks to Forgejo and Gitea over their HTTP API: generic packages, releases, and what a token may do.
//
// The API is that of Forgejo (https://forgejo.org/docs/latest/user/packages/generic/ and its /api/swagger) as far as Gitea,
// which it was forked from, has it in the same way; the tests run against Gitea. No SDK: it would retry nothing, hold answers
// in memory and put URLs with their queries into errors.
//
// Everything here can be done again: what is done already is found and left. Requests that failed for a moment are repeated.
package forge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options say where a forge is, and who asks.
type Options struct {
	// URL is the forge's address, as in https://forge.example or with a path before all of its own. It holds no credentials.
	URL string
	// Token is asked once, before the first request that needs it. "" is nobody's token: the forge is asked anonymously.
	// nil is the same.
	Token func(context.Context) (string, error)
	// HTTP makes the requests, to which it adds rules for redirects of its own; nil is a client with the environment's proxy.
	HTTP *http.Client
	// Log is told of each request that is repeated; nil tells nobody.
	Log func(string)

	Attempts int           // of each request, in all; 0 is 4
	Pause    time.Duration // after the first failed attempt, twice as long after each other, at most MaxPause; 0 is 500 ms
	MaxPause time.Duration // also for a forge that names a pause itself (Retry-After); 0 is 30 s
	Patience time.Duration // how long nothing may come or go in a request; 0 is 1 minute
}

// Client asks one forge. Its methods may be used at the same time.
type Client struct {
	options Options
	base    *url.URL // no slash at the end of its path
	http    *http.Client
	token   token
}

// New checks the options; it asks nothing yet.
func New(o Options) (*Client, error) {
	if user, host, ok := strings.Cut(o.URL, "@"); ok && !strings.Contains(user, "://") {
		return nil, fmt.Errorf("forge's address ***@%s: expected https://HOST without a user or a password; a token is a setting of its own", clean(host))
	}
	base, err := url.Parse(o.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("forge's address %q: expected https://HOST or http://HOST", clean(o.URL))
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("forge's address %q: expected no credentials and no query; a token is a setting of its own", clean(o.URL))
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	o.Attempts = cmp.Or(o.Attempts, 4)
	o.Pause = cmp.Or(o.Pause, 500*time.Millisecond)
	o.MaxPause = cmp.Or(o.MaxPause, 30*time.Second)
	o.Patience = cmp.Or(o.Patience, time.Minute)
	if o.Log == nil {
		o.Log = func(string) {}
	}
	c := &Client{options: o, base: base, http: &http.Client{Transport: newTransport()}, token: token{get: o.Token}}
	if o.HTTP != nil {
		own := *o.HTTP
		c.http = &own
	}
	c.http.CheckRedirect = checkRedirect
	return c, nil
}

// newTransport is the default one with connections of its own.
func newTransport() http.RoundTripper {
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		return standard.Clone()
	}
	return http.DefaultTransport
}

// errRedirect ends a chain of redirects that leads astray.
var errRedirect = errors.New("redirects from https to http")

// checkRedirect follows redirects of downloads, which may lead to the forge's storage, but with the token to the forge alone.
// What writes is not redirected: net/http would make a GET of it, and the forge's login page would look like success.
func checkRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead, len(via) >= 5:
		return http.ErrUseLastResponse
	case via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https":
		return errRedirect
	}
	if r.URL.Host != first.URL.Host {
		r.Header.Del("Authorization")
	}
	r.Header.Del("Referer") // may hold a query
	return nil
}

// token is read late, and once.
type token struct {
	get func(context.Context) (string, error)

	mu    sync.Mutex
	read  bool
	value string
}

func (t *token) reveal(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read || t.get == nil {
		return t.value, nil
	}
	value, err := t.get(ctx)
	if err != nil {
		return "", &tokenError{err}
	}
	t.value, t.read = strings.TrimSpace(value), true
	return t.value, nil
}

// known is the token if it was read, else "".
func (t *token) known() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
}

// tokenError is a token that cannot be had.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }
