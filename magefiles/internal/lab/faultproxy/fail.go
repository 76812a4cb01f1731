package faultproxy

import (
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// failing answers the requests that a fault matches; next answers the others.
func (f *Proxy) failing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := f.next(r)
		if o == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.(*recorder).note(func(e *Request) { e.Fault = o.Kind })
		if o.Hit != nil {
			o.Hit(r)
		}
		o.serve(next, w, r)
	})
}

func (o *activeFault) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	switch o.Kind {
	case Refuse:
		reset(w)
	case Delay:
		o.delay(next, w, r)
	case Status:
		o.answer(w, r, cmp.Or(o.Status, http.StatusServiceUnavailable))
	case Cut:
		cut(next, w, r, o.Bytes)
	case CutRequest:
		cutRequest(next, w, r, o.Bytes)
	case Drop:
		written := http.StatusOK
		if r.Method == http.MethodPut || r.Method == http.MethodPost {
			written = http.StatusCreated
		}
		_, _ = io.Copy(io.Discard, r.Body) // a client that stops sending gets no answer anyway
		o.answer(w, r, cmp.Or(o.Status, written))
	case Expire:
		w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
		o.answer(w, r, http.StatusUnauthorized)
	case Custom:
		o.Serve(next, w, r)
	}
}

// answer writes the fault's answer. The body of the request is read first: a client that is still sending may never see an answer.
func (o *activeFault) answer(w http.ResponseWriter, r *http.Request, status int) {
	if r.Header.Get("Expect") == "" {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	for name, values := range o.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, o.Body) // if it fails, the client has left
}

// delay waits for the time, for the end of the fault or for the client to give up.
func (o *activeFault) delay(next http.Handler, w http.ResponseWriter, r *http.Request) {
	var over <-chan time.Time
	if o.For > 0 {
		timer := time.NewTimer(o.For)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-over:
	case <-o.ended:
	}
	next.ServeHTTP(w, r)
}

// reset breaks the client's connection off, with a reset rather than an orderly end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		resetConn(conn)
	}
	panic(http.ErrAbortHandler)
}

func resetConn(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if plain, ok := conn.(*net.TCPConn); ok {
		_ = plain.SetLinger(0) // not required: it makes the end a reset
	}
	conn.Close()
}

// refusingListener accepts connections, unless the fault proxy is down.
type refusingListener struct {
	net.Listener
	proxy *Proxy
}

func (l *refusingListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || !l.proxy.down() {
			return conn, err
		}
		resetConn(conn)
	}
}
