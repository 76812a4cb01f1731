package faultproxy

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Kind is a way to fail.
type Kind int

// The ways to fail, and what a client sees of them.
const (
	// Refuse breaks the connection off before an answer: "connection reset by peer". A Refuse without Method, Path, Match and Times is a server
	// that is down: connections are reset before anything is read, TLS included. Note that Go's client repeats the request by itself if a reused
	// connection breaks this way.
	Refuse Kind = iota + 1
	// Delay passes the request on after the time For, or if that is 0 when the fault ends. If a client gives up before that, the server never
	// receives the request.
	Delay
	// Status answers with Fault.Status, or 503 if that is 0. Nothing is passed on.
	Status
	// Cut breaks the answer's body off after Bytes: io.ErrUnexpectedEOF. The server sent all of it. A shorter body is passed completely.
	Cut
	// CutRequest breaks the request off after Bytes of its body, on both sides: the client gets a broken connection, and the server at most these
	// bytes (less the content of a buffer of 4 kB) and an early end. It only matches requests with a body.
	CutRequest
	// Drop reads the request and answers with Fault.Status, or if that is 0 with 201 to PUT and POST and with 200 to others, as if the write had
	// happened. Nothing is passed on. It does not match GET, HEAD and OPTIONS.
	Drop
	// Expire answers 401 to requests with any Authorization header. It matches no others.
	Expire
	// Custom lets Fault.Serve answer.
	Custom
)

var kinds = []string{"none", "refuse", "delay", "status", "cut", "cut-request", "drop", "expire", "custom"}

// String is the kind in lower case, such as "refuse"; "none" for 0.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return kinds[k]
}

// Fault describes which requests fail, and how.
type Fault struct {
	Kind   Kind
	Method string                   // "" is any
	Path   *regexp.Regexp           // must match the unescaped path; nil: any
	Match  func(*http.Request) bool // additional condition for a request; nil: none
	Times  int                      // number of requests that it matches; 0: all until it ends

	For    time.Duration // Delay
	Bytes  int64         // Cut, CutRequest
	Status int           // Status, Drop
	Header http.Header   // Status, Drop, Expire: goes into the answer
	Body   string        // Status, Drop, Expire: is the answer's body
	Serve  func(next http.Handler, w http.ResponseWriter, r *http.Request)

	Hit func(*http.Request) // called with each request that it matches, before anything is done; nil: none
}

// activeFault is a fault that is still active.
type activeFault struct {
	Fault
	left  int           // remaining requests, with Times
	ended chan struct{} // closed when the fault ends
}

// Fail adds a fault. If several match a request, the newest is used. The caller ends it, or Clear does. A fault of an unknown Kind panics.
func (f *Proxy) Fail(fault Fault) (restore func()) {
	if fault.Kind < Refuse || fault.Kind > Custom || fault.Kind == Custom && fault.Serve == nil {
		panic(fmt.Sprintf("faultproxy: fault of %v, or custom without Serve", fault.Kind))
	}
	o := &activeFault{Fault: fault, left: fault.Times, ended: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, o)
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if i := slices.Index(f.faults, o); i >= 0 {
			f.faults = slices.Delete(f.faults, i, i+1)
			close(o.ended)
		}
	})
}

// Clear ends all faults.
func (f *Proxy) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.faults {
		close(o.ended)
	}
	f.faults = nil
}

// next is the fault that matches a request, counted down; nil if none does.
func (f *Proxy) next(r *http.Request) *activeFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range slices.Backward(f.faults) {
		if !o.matches(r) {
			continue
		}
		if o.Times > 0 {
			o.left--
		}
		return o
	}
	return nil
}

func (o *activeFault) matches(r *http.Request) bool {
	return (o.Times == 0 || o.left > 0) &&
		(o.Method == "" || o.Method == r.Method) &&
		(o.Path == nil || o.Path.MatchString(r.URL.Path)) &&
		o.applies(r) &&
		(o.Match == nil || o.Match(r))
}

// applies reports whether the kind of fault applies to such a request.
func (o *activeFault) applies(r *http.Request) bool {
	switch o.Kind {
	case CutRequest:
		return r.ContentLength != 0
	case Drop:
		return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions
	case Expire:
		return r.Header.Get("Authorization") != ""
	default:
		return true
	}
}

// down reports whether all connections must be refused.
func (f *Proxy) down() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.faults) == 0 {
		return false
	}
	o := f.faults[len(f.faults)-1]
	return o.Kind == Refuse && o.Method == "" && o.Path == nil && o.Match == nil && o.Times == 0
}
