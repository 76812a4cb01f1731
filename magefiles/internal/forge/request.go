package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// call is one request to the forge. It can be repeated: each of ours has the same result again, or finds that it was
// done.
type call struct {
	what      string // as in "upload docs/v1.0.0/x.tar.gz": the beginning of errors
	right     right  // that the token must have
	anonymous bool   // asks without the token
	method    string // "" is GET
	path      string // below the forge's address, escaped
	query     url.Values
	json      any                        // sent as JSON; nil: nothing
	content   *content                   // sent unchanged; nil: nothing
	want      []int                      // statuses that are success; none: 200
	take      func(*http.Response) error // reads the answer; nil ignores it. It is called again after a failed attempt.
}

// content is a file to send. It can be read again for each attempt.
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

// do makes a call, and repeats it after temporary failures. The error is an *Error, or that of ctx.
func (c *Client) do(ctx context.Context, q call) error {
	err := c.caller.Do(ctx, q.what, func(ctx context.Context) error { return c.attempt(ctx, q) })
	if err == nil {
		return nil
	}
	return c.explain(ctx, q, err)
}

// get reads an answer that is JSON.
func (c *Client) get(ctx context.Context, what string, r right, path string, query url.Values, take func(*http.Response) error) error {
	return c.do(ctx, call{what: what, right: r, path: path, query: query, take: take})
}

// attempt makes a call once.
func (c *Client) attempt(ctx context.Context, q call) error {
	r, err := c.request(ctx, q)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if q.want == nil {
		q.want = []int{http.StatusOK}
	}
	switch {
	case !slices.Contains(q.want, resp.StatusCode):
		return httpx.Status(resp)
	case q.take == nil:
		_, _ = io.CopyN(io.Discard, resp.Body, httpx.MaxText) // so that the connection can be used again
		return nil
	}
	return q.take(resp)
}

func (c *Client) request(ctx context.Context, q call) (*http.Request, error) {
	address := c.base.String() + q.path
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, q.method, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "blumeops")
	r.Header.Set("Accept-Encoding", "identity") // the received bytes are hashed unchanged
	if !q.anonymous {
		token, err := c.token.Read(ctx, c.getToken)
		if err != nil {
			return nil, err
		}
		if token != "" {
			r.Header.Set("Authorization", "token "+token)
		}
	}
	return r, q.setBody(r)
}

func (q call) setBody(r *http.Request) error {
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
		r.Body, r.ContentLength = io.NopCloser(&sender{content: *q.content}), q.content.size
	}
	return nil
}

// sender reads the content to send.
type sender struct {
	content content
	at      int64
}

func (s *sender) Read(p []byte) (int, error) {
	n, err := io.NewSectionReader(s.content, s.at, s.content.size-s.at).Read(p)
	s.at += int64(n)
	switch {
	case err == io.EOF && s.at < s.content.size:
		err = &httpx.ContentError{Err: fmt.Errorf("is %d bytes long, expected %d", s.at, s.content.size)}
	case err != nil && err != io.EOF:
		err = &httpx.ContentError{Err: err}
	}
	return n, err
}

// maxAnswer bounds answers that are read into memory.
const maxAnswer = 16 << 20

// answer decodes JSON into out.
func answer[T any](out *T) func(*http.Response) error {
	return func(resp *http.Response) error {
		var read T // decode into a new value: a failed attempt must leave nothing
		err := httpx.Decode(resp.Body, maxAnswer, &read)
		if err == nil {
			*out = read
		}
		return err
	}
}
