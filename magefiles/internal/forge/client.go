// Package forge speaks to Forgejo and Gitea over their HTTP API: generic packages, releases, and the rights of a token.
//
// The API is the part of Forgejo's (https://forgejo.org/docs/latest/user/packages/generic/ and its /api/swagger) that Gitea,
// from which it was forked, has in the same way; the tests run against Gitea. It uses no SDK: that would retry nothing, hold
// answers in memory and put URLs with their queries into errors.
//
// Every operation can be repeated: an earlier result is found and left. Requests that failed temporarily are retried.
package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// Options say which forge is asked, and with which token.
type Options struct {
	// URL is the forge's address, such as https://forge.example, with a path if the forge is below one. It holds no
	// credentials.
	URL string
	// Token is asked once, before the first request that needs it. "" means that the forge is asked anonymously.
	// nil is the same.
	Token func(context.Context) (string, error)
	// HTTP makes the requests, with added rules for redirects; nil is a client with the environment's proxy.
	HTTP *http.Client
	// Log is called for each retry; nil logs nothing.
	Log func(string)

	Retry Retry // bounds the attempts at each request
}

// patience is how long a request may make no progress.
const patience = time.Minute

// Retry bounds the attempts at a request.
type Retry = httpx.Retry

// Client asks one forge. Its methods may be called concurrently.
type Client struct {
	caller   httpx.Caller
	base     *url.URL // no slash at the end of its path
	http     http.Client
	token    httpx.Token
	getToken func(context.Context) (string, error)
}

// New checks the options; it makes no request.
func New(o Options) (*Client, error) {
	if user, host, ok := strings.Cut(o.URL, "@"); ok && !strings.Contains(user, "://") {
		return nil, fmt.Errorf("forge's address ***@%s: expected https://HOST without a user or a password; the token has its own setting", httpx.Clean(host))
	}
	base, err := url.Parse(o.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("forge's address %q: expected https://HOST or http://HOST", httpx.Clean(o.URL))
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("forge's address %q: expected no credentials and no query; the token has its own setting", httpx.Clean(o.URL))
	}
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), ""
	c := &Client{base: base, getToken: o.Token}
	if o.HTTP != nil {
		c.http = *o.HTTP
	}
	c.http.Transport = httpx.NoStall(c.http.Transport, patience)
	c.http.CheckRedirect = httpx.CheckRedirect
	c.caller = httpx.Caller{Retry: o.Retry, Log: o.Log, Secrets: func() []string { return []string{c.token.Known()} }}
	return c, nil
}
