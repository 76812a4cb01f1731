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
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
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

	Retry    Retry         // bounds the attempts at each request
	Patience time.Duration // how long nothing may come or go in a request; 0 is 1 minute
}

// Retry bounds the attempts at a request.
type Retry = httpx.Retry

// Client asks one forge. Its methods may be used at the same time.
type Client struct {
	caller   httpx.Caller
	base     *url.URL // no slash at the end of its path
	http     http.Client
	token    httpx.Token
	getToken func(context.Context) (string, error)
}

// New checks the options; it asks nothing yet.
func New(o Options) (*Client, error) {
	if user, host, ok := strings.Cut(o.URL, "@"); ok && !strings.Contains(user, "://") {
		return nil, fmt.Errorf("forge's address ***@%s: expected https://HOST without a user or a password; a token is a setting of its own", httpx.Clean(host))
	}
	base, err := url.Parse(o.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("forge's address %q: expected https://HOST or http://HOST", httpx.Clean(o.URL))
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("forge's address %q: expected no credentials and no query; a token is a setting of its own", httpx.Clean(o.URL))
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	c := &Client{base: base, getToken: o.Token}
	if o.HTTP != nil {
		c.http = *o.HTTP
	}
	c.http.Transport = httpx.NoStall(c.http.Transport, cmp.Or(o.Patience, time.Minute))
	c.http.CheckRedirect = httpx.CheckRedirect
	c.caller = httpx.Caller{Retry: o.Retry, Log: o.Log, Secrets: func() []string { return []string{c.token.Known()} }}
	return c, nil
}
