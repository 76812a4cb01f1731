package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// call is one question to the forge. It can be repeated: each of ours does the same again, or finds that it was done.
type call struct {
	what      string // as in «upload docs/v1.0.0/x.tar.gz»: the beginning of errors
	right     right  // that the token has to have
	anonymous bool   // asks without the token
	method    string
	path      string // below the forge's address, escaped
	query     url.Values
	json      any                        // is sent as JSON; nil: nothing
	content   *content                   // is sent as it is; nil: nothing
	want      []int                      // statuses that are success
	take      func(*http.Response) error // reads the answer; nil ignores it. It may be called again, after a failed attempt.
}

// content is a file to send. It can be read anew for each attempt.
type content struct {
	io.ReaderAt
	size int64
}

// path joins escaped segments.
func path(segments ...string) string {
	joined := ""
	for _, s := range segments {
		joined += "/" + url.PathEscape(s)
	}
	return joined
}

// do makes a call, and repeats it after temporary failures. Errors are of type *Error, or that of ctx.
func (c *Client) do(ctx context.Context, q call) error {
	pause := c.options.Pause
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, q)
		if err == nil {
			return nil
		}
		asked := askedPause(err)
		if ctx.Err() != nil || !temporary(err) || attempt >= c.options.Attempts || asked > c.options.MaxPause {
			return c.explain(ctx, q, err)
		}
		wait := max(asked, min(pause, c.options.MaxPause))
		c.options.Log(fmt.Sprintf("%s: attempt %d of %d failed (%s), again in %s", q.what, attempt, c.options.Attempts, c.cause(err), wait))
		if !sleep(ctx, wait) {
			return c.explain(ctx, q, err)
		}
		pause *= 2
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// attempt makes a call once.
func (c *Client) attempt(ctx context.Context, q call) error {
	ctx, w := watch(ctx, c.options.Patience)
	defer w.stop()
	r, err := c.request(ctx, q, w)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return w.blame(&networkError{err})
	}
	defer resp.Body.Close()
	resp.Body = &watchedBody{resp.Body, w}
	if !slices.Contains(q.want, resp.StatusCode) {
		return w.blame(refusal(resp))
	}
	if q.take == nil {
		_, _ = io.CopyN(io.Discard, resp.Body, maxSaid) // so that the connection can be used again
		return nil
	}
	return w.blame(q.take(resp))
}

func (c *Client) request(ctx context.Context, q call, w *watcher) (*http.Request, error) {
	address := c.base.String() + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "blumeops")
	r.Header.Set("Accept-Encoding", "identity") // what comes is hashed as it is
	if !q.anonymous {
		token, err := c.token.reveal(ctx)
		if err != nil {
			return nil, err
		}
		if token != "" {
			r.Header.Set("Authorization", "token "+token)
		}
	}
	return r, q.setBody(r, w)
}

func (q call) setBody(r *http.Request, w *watcher) error {
	switch {
	case q.json != nil:
		text, err := json.Marshal(q.json)
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	case q.content != nil && q.content.size > 0:
		r.Header.Set("Content-Type", "application/octet-stream")
		r.Header.Set("Expect", "100-continue") // a forge that refuses does so before the content
		r.Body, r.ContentLength = io.NopCloser(&sender{content: *q.content, watcher: w}), q.content.size
	}
	return nil
}

// sender reads the content that is sent.
type sender struct {
	content content
	watcher *watcher
	at      int64
}

func (s *sender) Read(p []byte) (int, error) {
	s.watcher.progress()
	n, err := io.NewSectionReader(s.content, s.at, s.content.size-s.at).Read(p)
	s.at += int64(n)
	switch {
	case err == io.EOF && s.at < s.content.size:
		err = &contentError{fmt.Errorf("is %d bytes long, expected %d", s.at, s.content.size)}
	case err != nil && err != io.EOF:
		err = &contentError{err}
	}
	return n, err
}

// contentError is a failure to read what is to be sent.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }
func (e *contentError) Unwrap() error { return e.err }

// maxAnswer bounds answers that are read into memory.
const maxAnswer = 16 << 20

// answer decodes JSON into out.
func answer[T any](out *T) func(*http.Response) error {
	return func(resp *http.Response) error {
		text, err := readAll(resp.Body, maxAnswer)
		if err != nil {
			return err
		}
		var read T // an attempt before this one leaves nothing
		if err := json.Unmarshal(text, &read); err != nil {
			return &uselessError{"is no JSON of the kind that was asked for"}
		}
		*out = read
		return nil
	}
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, &networkError{err}
	}
	if int64(len(text)) > limit {
		return nil, &uselessError{fmt.Sprintf("has more than %d bytes", limit)}
	}
	return text, nil
}

// uselessError is an answer that makes no sense.
type uselessError struct{ problem string }

func (e *uselessError) Error() string { return "the answer " + e.problem }

// errStalled is the cause of a context that a watcher ended.
var errStalled = errors.New("nothing came or went")

// watcher ends a request in which nothing comes or goes for a while. A limit for the whole would be wrong for large files.
type watcher struct {
	limit time.Duration
	timer *time.Timer
	ctx   context.Context
	stop  func()
}

func watch(ctx context.Context, limit time.Duration) (context.Context, *watcher) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(errStalled) })
	return ctx, &watcher{limit: limit, timer: timer, ctx: ctx, stop: func() { timer.Stop(); cancel(nil) }}
}

func (w *watcher) progress() { w.timer.Reset(w.limit) }

// blame is err, or that nothing came or went if that is why it came about.
func (w *watcher) blame(err error) error {
	if err != nil && context.Cause(w.ctx) == errStalled {
		return &networkError{fmt.Errorf("%w for %s", errStalled, w.limit)}
	}
	return err
}

type watchedBody struct {
	io.ReadCloser
	watcher *watcher
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.watcher.progress()
	return n, err
}
