package embedded

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// Conn is a session as the connection that the Go SDK takes (dagger.WithConn): requests are answered in this process, without a socket.
type Conn struct {
	session *Session

	mu     sync.Mutex
	closed bool
	busy   sync.WaitGroup
	stop   context.CancelCauseFunc
	done   context.Context
}

// NewConn makes the session a connection, which closes it.
func NewConn(s *Session) *Conn {
	done, stop := context.WithCancelCause(context.Background())
	return &Conn{session: s, done: done, stop: stop}
}

var errConnClosed = errors.New("the engine session is closed")

// Host implements engineconn.EngineConn.
func (c *Conn) Host() string { return "dagger" }

// Do implements engineconn.EngineConn. It returns when the request's context ends, as an HTTP client does.
func (c *Conn) Do(req *http.Request) (*http.Response, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: errConnClosed}
	}
	c.busy.Add(1)
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(req.Context())
	unhook := context.AfterFunc(c.done, cancel)
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	answered := make(chan struct{})
	go func() {
		defer c.busy.Done()
		defer cancel()
		defer unhook()
		defer close(answered)
		c.session.ServeHTTP(w, req.WithContext(ctx))
	}()
	select {
	case <-answered:
		if err := req.Context().Err(); err != nil {
			return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: err}
		}
		return w.response(req), nil
	case <-req.Context().Done():
		return nil, &url.Error{Op: "Post", URL: req.URL.String(), Err: req.Context().Err()}
	}
}

// Close stops running requests and closes the session. It may be called more than once.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	c.stop(errConnClosed)
	c.busy.Wait()
	return c.session.Close()
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func (r *recorder) response(req *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(r.status), StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(&r.body), ContentLength: int64(r.body.Len()), Request: req,
	}
}
