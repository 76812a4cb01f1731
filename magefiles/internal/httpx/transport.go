package httpx

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// CheckRedirect follows redirects of reads, which may lead to a server's storage, but sends the credentials to the server alone. It refuses
// redirects of writes: net/http would make a GET of them, and a login page would look like success.
func CheckRedirect(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead, len(via) >= 5:
		return http.ErrUseLastResponse
	case via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https":
		return &AnswerError{"redirects from https to http"}
	}
	if r.URL.Host != first.URL.Host {
		r.Header.Del("Authorization")
	}
	r.Header.Del("Referer") // may hold a query
	return nil
}

// NoStall ends requests of a transport, or of the default one, that make no progress for a while. A limit for the whole request would be wrong
// for large files.
func NoStall(next http.RoundTripper, limit time.Duration) http.RoundTripper {
	return &noStall{cmp.Or(next, http.DefaultTransport), limit}
}

type noStall struct {
	next  http.RoundTripper
	limit time.Duration
}

// RoundTrip implements http.RoundTripper.
func (s *noStall) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(s.limit, func() { cancel(&stallError{s.limit}) })
	w := &watch{limit: s.limit, timer: timer, ctx: ctx, stop: func() { timer.Stop(); cancel(nil) }}
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &watched{ReadCloser: r.Body, watch: w}
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		w.stop()
		return nil, w.blame(err)
	}
	resp.Body = &watched{ReadCloser: resp.Body, watch: w, last: true}
	return resp, nil
}

// watch is the timer of one request.
type watch struct {
	limit time.Duration
	timer *time.Timer
	ctx   context.Context
	stop  func()
}

// blame returns err, or the stall that caused it.
func (w *watch) blame(err error) error {
	if stall, ok := context.Cause(w.ctx).(*stallError); ok && err != nil && err != io.EOF {
		return stall
	}
	return err
}

// watched is a body whose reading is progress.
type watched struct {
	io.ReadCloser
	*watch
	last bool // closing it ends the request
}

// Read implements io.Reader.
func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.timer.Stop() { // not after it fired
		b.timer.Reset(b.limit)
	}
	return n, b.blame(err)
}

// Close implements io.Closer.
func (b *watched) Close() error {
	if b.last {
		b.stop()
	}
	return b.ReadCloser.Close()
}

// stallError ends a request.
type stallError struct{ limit time.Duration }

// Error implements error.
func (e *stallError) Error() string {
	return fmt.Sprintf("no data for %s", e.limit)
}

// Unwrap makes it a timeout.
func (e *stallError) Unwrap() error { return os.ErrDeadlineExceeded }
