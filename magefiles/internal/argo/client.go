package argo

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Client speaks to one Argo CD. Its methods may be used at the same time; its fields are not changed after the first use.
type Client struct {
	BaseURL string // such as https://argocd.example.org, with the path that Argo CD is served under, if any

	// Token returns a token of an account or of a project's role. It is asked once, when the first request is made. Its result is in no error.
	Token func(ctx context.Context) (string, error)

	HTTP  *http.Client  // makes the requests, and follows no redirect whatever it says itself; nil is http.DefaultClient
	Log   func(string)  // told one line about each request that is made again; nil: nobody
	Retry Retry         // of requests that fail for a while
	Poll  time.Duration // between two looks at an Application; 0 is 1 s

	mu    sync.Mutex
	token string
}

// Retry bounds how requests are made again that may succeed without anybody doing anything: Argo CD, or what stands before it, answers
// 408, 429, 500, 502, 503 or 504, or the connection breaks. While Deploy waits, only its timeout bounds them.
type Retry struct {
	Attempts int           // in all; 0 is 5
	First    time.Duration // before the second attempt, doubled with each more; 0 is 0.5 s
	Max      time.Duration // the longest pause; 0 is 10 s
}

func (r Retry) attempts() int { return cmp.Or(max(r.Attempts, 0), 5) }

// pause is the wait after the failures so far, at least one.
func (r Retry) pause(failures int) time.Duration {
	return backoff(cmp.Or(r.First, 500*time.Millisecond), failures-1, cmp.Or(r.Max, 10*time.Second))
}

// backoff doubles first a number of times, up to most.
func backoff(first time.Duration, doublings int, most time.Duration) time.Duration {
	const enough = 20 // a second is 12 days by then
	return min(first<<min(max(doublings, 0), enough), most)
}

const (
	// largest is the most that is read of an answer. An Application with a thousand resources has half a megabyte.
	largest = 16 << 20
	// answerTime is how long one answer may take. A refresh is answered once it is done, which takes a git fetch and a comparison.
	answerTime  = 30 * time.Second
	refreshTime = 90 * time.Second
)

// applicationName is a DNS name, as Kubernetes wants it of an Application.
var applicationName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

// request is one of the API.
type request struct {
	app    string // that it is about; "" if about none
	method string
	path   string // below /api/v1/
	query  string
	body   any // of a POST
	within time.Duration
}

func get(app, path string) request { return request{app: app, method: http.MethodGet, path: path} }

// ask makes a request, again if it fails for a while, and decodes the answer into out.
func (c *Client) ask(ctx context.Context, r request, out any) error {
	for failures := 1; ; failures++ {
		err := c.once(ctx, r, out)
		if !temporary(err) || isDown(err) || failures >= c.Retry.attempts() {
			return err
		}
		c.log("%v; again in %s", err, c.Retry.pause(failures))
		if err := sleep(ctx, c.Retry.pause(failures)); err != nil {
			return err
		}
	}
}

// once makes a request a single time.
func (c *Client) once(ctx context.Context, r request, out any) error {
	token, err := c.readToken(ctx)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, cmp.Or(r.within, answerTime))
	defer cancel()
	answer, status, err := c.send(within, r, token)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return c.unanswered(r, err)
	}
	if status/100 != 2 {
		return c.refusal(r, status, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return c.fail(r.app, &Error{
			Kind: ErrRejected, Problem: "an answer is not Argo CD's: " + c.clean(err.Error()),
			hint: "check the address, and that no login page stands before it", err: err,
		})
	}
	return nil
}

var errTooLarge = fmt.Errorf("its answer is larger than %d MiB", largest>>20)

func (c *Client) send(ctx context.Context, r request, token string) (answer []byte, status int, err error) {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	// The API redirects nothing, and net/http would send the token along to another port and to plain HTTP.
	client := *cmp.Or(c.HTTP, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		return nil, 0, &redirectError{status: resp.StatusCode, to: to}
	}
	answer, err = io.ReadAll(io.LimitReader(resp.Body, largest+1))
	if err == nil && len(answer) > largest {
		err = errTooLarge
	}
	return answer, resp.StatusCode, err
}

// redirectError is an answer that leads elsewhere.
type redirectError struct {
	status int
	to     *url.URL
}

// Error names the host alone: the rest may hold a query.
func (e *redirectError) Error() string {
	return fmt.Sprintf("it answers %d %s to %s://%s", e.status, http.StatusText(e.status), e.to.Scheme, e.to.Host)
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

// readToken asks for the token the first time.
func (c *Client) readToken(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" {
		return c.token, nil
	}
	if c.Token == nil {
		return "", c.fail("", noToken(errors.New("none is set")))
	}
	token, err := c.Token(ctx)
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	token = strings.TrimSpace(token)
	switch {
	case err != nil:
		return "", c.fail("", noToken(err))
	case token == "":
		return "", c.fail("", noToken(errors.New("it is empty")))
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", c.fail("", noToken(errors.New("it has characters that no token has, such as a line break")))
	}
	c.token = token
	return token, nil
}

// server is how errors name Argo CD.
func (c *Client) server() string {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" {
		return "without a usable address"
	}
	return u.Host
}

func (c *Client) log(format string, args ...any) {
	if c.Log != nil {
		c.Log(fmt.Sprintf(format, args...))
	}
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
