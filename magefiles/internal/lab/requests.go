package lab

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Request is one that a registry answered.
type Request struct {
	Method, Path string // Path without the query
	User         string // of the basic authorization, "" without
	Status       int
	Received     int64 // bytes of the request's body that were read
	Sent         int64 // bytes of the answer's body
}

// Requests returns what was asked so far, in the order in which the answers ended.
func (r *Registry) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

// Forget empties the list of requests.
func (r *Registry) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = nil
}

// UploadedBytes is how many bytes of blobs (layers and configurations) came in.
func (r *Registry) UploadedBytes() int64 {
	var n int64
	for _, q := range r.Requests() {
		if strings.Contains(q.Path, "/blobs/uploads/") {
			n += q.Received
		}
	}
	return n
}

func (r *Registry) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body := &countingReader{ReadCloser: req.Body}
		req.Body = body
		answer := &countingWriter{ResponseWriter: w, status: http.StatusOK}
		user, _, _ := req.BasicAuth()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.log = append(r.log, Request{req.Method, req.URL.Path, user, answer.status, body.n, answer.n})
		}()
		next.ServeHTTP(answer, req)
	})
}

type countingReader struct {
	io.ReadCloser
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}

type countingWriter struct {
	http.ResponseWriter
	status int
	n      int64
}

func (c *countingWriter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

var manifestPath = regexp.MustCompile(`^/v2/.+/manifests/([^/]+)$`)

// createOnly refuses what Zot's policy «create» does: moving a tag, putting the identical manifest again under it, deleting.
func createOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		match := manifestPath.FindStringSubmatch(req.URL.Path)
		isTag := match != nil && !strings.Contains(match[1], ":")
		switch {
		case req.Method == http.MethodDelete, isTag && req.Method == http.MethodPut && exists(next, req):
			denied(w)
		default:
			next.ServeHTTP(w, req)
		}
	})
}

// exists asks the registry itself, with the rights of the request.
func exists(registry http.Handler, req *http.Request) bool {
	look := req.Clone(req.Context())
	look.Method, look.Body, look.ContentLength = http.MethodHead, http.NoBody, 0
	look.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json")
	answer := &statusOnly{header: http.Header{}, status: http.StatusOK}
	registry.ServeHTTP(answer, look)
	return answer.status == http.StatusOK
}

func denied(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{
		"code": "DENIED", "message": "requested access to the resource is denied",
	}}})
}

// statusOnly is an answer of which nobody wants more than the status.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
