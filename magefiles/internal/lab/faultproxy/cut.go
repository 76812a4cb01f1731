package faultproxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// cut passes n bytes of the answer's body. The server breaks the connection off when its handler panics with http.ErrAbortHandler, and logs
// nothing.
func cut(next http.Handler, w http.ResponseWriter, r *http.Request, n int64) {
	short := &cutWriter{ResponseWriter: w, left: n}
	defer func() {
		if short.cut {
			panic(http.ErrAbortHandler)
		}
	}()
	next.ServeHTTP(short, r)
}

var errCut = errors.New("faultproxy: cut off")

type cutWriter struct {
	http.ResponseWriter
	left int64
	cut  bool
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if int64(len(p)) <= c.left {
		n, err := c.ResponseWriter.Write(p)
		c.left -= int64(n)
		return n, err
	}
	c.cut = true
	n, err := c.ResponseWriter.Write(p[:c.left])
	c.left -= int64(n)
	if err == nil {
		// The client's bytes must be sent before the connection ends.
		err = http.NewResponseController(c.ResponseWriter).Flush()
	}
	return n, errors.Join(err, errCut)
}

func (c *cutWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// cutRequest passes n bytes of the request's body.
func cutRequest(next http.Handler, w http.ResponseWriter, r *http.Request, n int64) {
	body := &cutBody{ReadCloser: r.Body, left: n}
	r.Body = body
	short := &heldWriter{ResponseWriter: w, body: body}
	defer func() {
		if body.cut.Load() {
			panic(http.ErrAbortHandler)
		}
	}()
	next.ServeHTTP(short, r)
}

// cutBody ends too early. The proxy reads it concurrently with its handler.
type cutBody struct {
	io.ReadCloser
	left int64
	cut  atomic.Bool
}

func (c *cutBody) Read(p []byte) (int, error) {
	if c.left == 0 {
		var more [1]byte
		if n, err := c.ReadCloser.Read(more[:]); n == 0 { // it ends here anyway
			return 0, err
		}
		c.cut.Store(true)
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// heldWriter holds back the proxy's answer to a request that was cut.
type heldWriter struct {
	http.ResponseWriter
	body *cutBody
}

func (h *heldWriter) WriteHeader(status int) {
	if !h.body.cut.Load() {
		h.ResponseWriter.WriteHeader(status)
	}
}

func (h *heldWriter) Write(p []byte) (int, error) {
	if h.body.cut.Load() {
		return len(p), nil
	}
	return h.ResponseWriter.Write(p)
}

func (h *heldWriter) Unwrap() http.ResponseWriter { return h.ResponseWriter }
