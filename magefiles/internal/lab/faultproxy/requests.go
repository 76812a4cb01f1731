package faultproxy

import (
	"io"
	"net/http"
	"sync"
)

// Request is a request of a client.
type Request struct {
	Method   string
	Path     string // without the query, not escaped
	Query    string // unchanged
	User     string // of the basic authorization, "" without it
	Status   int    // of the answer; 0 if there is none yet, or none at all
	Received int64  // bytes of the request's body that were read
	Sent     int64  // bytes of the answer's body
	Fault    Kind   // the fault that matched this request; 0: none
}

// requests is a log that is current before a client can notice: a request is in it from its arrival on, and bytes are counted before they are
// passed on.
type requests struct {
	mu  sync.Mutex
	log []*Request
}

// Requests returns the requests so far, in the order of arrival. Refused connections have no request.
func (f *Proxy) Requests() []Request {
	f.requests.mu.Lock()
	defer f.requests.mu.Unlock()
	list := make([]Request, len(f.requests.log))
	for i, r := range f.requests.log {
		list[i] = *r
	}
	return list
}

// Forget empties the list of requests.
func (f *Proxy) Forget() {
	f.requests.mu.Lock()
	defer f.requests.mu.Unlock()
	f.requests.log = nil
}

// record logs requests and answers.
func (l *requests) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, _ := r.BasicAuth()
		entry := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, User: user}
		l.mu.Lock()
		l.log = append(l.log, entry)
		l.mu.Unlock()
		answer := &recorder{ResponseWriter: w, log: l, entry: entry}
		// An answer may begin before the request's end, as it may without a fault proxy.
		_ = http.NewResponseController(w).EnableFullDuplex()
		counted := r.WithContext(r.Context()) // the server uses its own request to find out what was read
		counted.Body = &countedBody{ReadCloser: r.Body, answer: answer}
		next.ServeHTTP(answer, counted)
		answer.note(func(e *Request) { // an answer without a body, from a handler that did not panic
			if e.Status == 0 {
				e.Status = http.StatusOK
			}
		})
	})
}

// recorder records an answer as it is written.
type recorder struct {
	http.ResponseWriter
	log   *requests
	entry *Request
}

func (a *recorder) note(change func(*Request)) {
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	change(a.entry)
}

func (a *recorder) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols { // other statuses come before the answer
		a.note(func(e *Request) { e.Status = status })
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *recorder) Write(p []byte) (int, error) {
	a.note(func(e *Request) {
		if e.Status == 0 {
			e.Status = http.StatusOK
		}
		e.Sent += int64(len(p))
	})
	n, err := a.ResponseWriter.Write(p)
	if n < len(p) {
		a.note(func(e *Request) { e.Sent -= int64(len(p) - n) })
	}
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (a *recorder) Unwrap() http.ResponseWriter { return a.ResponseWriter }

type countedBody struct {
	io.ReadCloser
	answer *recorder
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.answer.note(func(e *Request) { e.Received += int64(n) })
	return n, err
}
