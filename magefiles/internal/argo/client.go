package argo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// Client makes requests to one Argo CD. Its methods may be called concurrently; its fields are not changed after the
// first use.
type Client struct {
	BaseURL string // such as https://argocd.example.org, with the path that Argo CD is served under, if any

	// Token returns a token of an account or of a project's role. It is called once, before the first request. No error contains its result.
	Token func(ctx context.Context) (string, error)

	HTTP  *http.Client  // makes the requests, without following redirects; nil is http.DefaultClient
	Log   func(string)  // called with one line for each retry; nil: no log
	Retry Retry         // of requests that fail temporarily
	Poll  time.Duration // between two reads of an Application; 0 is 1 s

	token httpx.Token
}

// Retry bounds the attempts at a request. While Deploy waits, only its timeout bounds them.
type Retry = httpx.Retry

// caller has the shortest pause that is acceptable for Argo CD, as Deploy waits for its answers.
func (c *Client) caller() httpx.Caller {
	retry := c.Retry
	retry.Max = cmp.Or(retry.Max, 10*time.Second)
	return httpx.Caller{Retry: retry.Except(httpx.ErrDown), Log: c.Log, Secrets: func() []string { return []string{c.token.Known()} }}
}

const (
	// largest bounds an answer. An Application with a thousand resources has half a megabyte.
	largest = 16 << 20
	// answerTime bounds the time of one answer. A refresh is answered once it is done, which takes a git fetch and a comparison.
	answerTime  = 30 * time.Second
	refreshTime = 90 * time.Second
)

// applicationName matches a DNS name, which Kubernetes requires for an Application.
var applicationName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

// request is a request of the API.
type request struct {
	app    string // the Application of the request; "" if it has none
	method string
	path   string // below /api/v1/
	query  string
	body   any // of a POST
	within time.Duration
}

func get(app, path string) request { return request{app: app, method: http.MethodGet, path: path} }

// ask makes a request, repeats it after temporary failures, and decodes the answer into out.
func (c *Client) ask(ctx context.Context, r request, out any) error {
	what := "Argo CD " + c.server()
	if r.app != "" {
		what += ": application " + r.app
	}
	return c.caller().Do(ctx, what, func(ctx context.Context) error { return c.once(ctx, r, out) })
}

// once makes a request without retries.
func (c *Client) once(ctx context.Context, r request, out any) error {
	token, err := c.readToken(ctx)
	if err == nil {
		within, cancel := context.WithTimeout(ctx, cmp.Or(r.within, answerTime))
		defer cancel()
		err = c.send(within, r, token, out)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return c.failed(r, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, r request, token string, out any) error {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	// The API never redirects, and net/http would send the token to another port and over plain HTTP.
	client := *cmp.Or(c.HTTP, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return httpx.Status(resp)
	}
	return httpx.Decode(resp.Body, largest, out)
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.method == http.MethodPost {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	at := strings.TrimSuffix(c.BaseURL, "/") + "/api/v1/" + r.path
	if r.query != "" {
		at += "?" + r.query
	}
	req, err := http.NewRequestWithContext(ctx, r.method, at, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json") // without it, Argo CD answers 415
	}
	return req, nil
}

// readToken calls Token the first time.
func (c *Client) readToken(ctx context.Context) (string, error) {
	token, err := c.token.Read(ctx, c.Token)
	switch {
	case err != nil || token != "":
	case c.Token == nil:
		err = &httpx.CredentialsError{Err: errors.New("no token is set")}
	default:
		err = &httpx.CredentialsError{Err: errors.New("the token is empty")}
	}
	return token, err
}

// server is the name of Argo CD in errors.
func (c *Client) server() string {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" {
		return "(invalid address)"
	}
	return u.Host
}
