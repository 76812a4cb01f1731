// Package pyindex uploads the files of Python packages to an index, and reads which files it has: the upload API that twine uses, and the simple
// API of PEP 503 and PEP 691. It knows the registry of the forge, and devpi.
//
// Every operation can be repeated: a file that exists already is found and left. Requests that failed temporarily are retried.
package pyindex

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

// Options say which index is used, and with which account.
type Options struct {
	// Upload is the address that files are sent to. Simple is the address of the simple API, without the name of a project. Both end with a
	// slash, if the index requires it, and hold no credentials.
	Upload, Simple string
	User           string // of the account; "" is any, for an index that only reads the token
	// Token is the password or the token of the account. It is asked once, before the first request. nil, or "": requests are anonymous.
	Token func(context.Context) (string, error)
	HTTP  *http.Client // nil is a client with the environment's proxy
	Log   func(string) // called for each retry; nil logs nothing
	// Denied says what to do if the index denies access.
	Denied string
	Retry  httpx.Retry
}

// patience is how long a request may make no progress.
const patience = time.Minute

// Client is one index. Its methods may be called concurrently.
type Client struct {
	options        Options
	upload, simple *url.URL
	caller         httpx.Caller
	http           http.Client
	token          httpx.Token
}

// New checks the options; it makes no request.
func New(o Options) (c *Client, err error) {
	c = &Client{options: o}
	if c.upload, err = address(o.Upload); err != nil {
		return nil, err
	}
	if c.simple, err = address(strings.TrimSuffix(o.Simple, "/") + "/"); err != nil {
		return nil, err
	}
	if o.HTTP != nil {
		c.http = *o.HTTP
	}
	c.http.Transport = httpx.NoStall(c.http.Transport, patience)
	c.http.CheckRedirect = httpx.CheckRedirect
	c.caller = httpx.Caller{Retry: o.Retry, Log: o.Log, Secrets: func() []string { return []string{c.token.Known()} }}
	return c, nil
}

func address(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("address of the package index %q: expected https://HOST/PATH or http://HOST/PATH", httpx.Clean(text))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("address of the package index %q: expected no credentials and no query; the token has its own setting", httpx.Clean(text))
	}
	return u, nil
}

// URL is the address that files are sent to.
func (c *Client) URL() string { return c.upload.String() }

// Page is the address of the simple API for a project, which lists its files.
func (c *Client) Page(project string) string { return c.simple.JoinPath(project, "/").String() }

// authorize adds the account to a request.
func (c *Client) authorize(ctx context.Context, r *http.Request) error {
	token, err := c.token.Read(ctx, c.options.Token)
	if err == nil && token != "" {
		r.SetBasicAuth(cmp.Or(c.options.User, "__token__"), token)
	}
	r.Header.Set("User-Agent", "blumeops")
	return err
}
