package faultproxy

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"time"
)

// expectContinue is the wait for an answer to "Expect: 100-continue" before the body is sent. The servers here always answer, so that it may
// be long: a client that did not wait would still be sending while a fault answers and closes the connection, and see a reset.
const expectContinue = time.Minute

// newTransport is for a server on the same machine: without a proxy, and without a change of a body's compression.
func newTransport() *http.Transport {
	return &http.Transport{
		DisableCompression:    true,
		MaxIdleConnsPerHost:   64,
		ExpectContinueTimeout: expectContinue,
	}
}

// reverseProxy passes requests to the server behind. That server gets the Host that the client used, so that its addresses in answers lead to the fault
// proxy.
func (f *Proxy) reverseProxy() http.Handler {
	reverse := &httputil.ReverseProxy{
		Transport:     f.transport,
		FlushInterval: -1, // all data are sent immediately
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  unreachable,
		Rewrite: func(r *httputil.ProxyRequest) {
			target := f.target.Load()
			if target == nil { // removed in the meantime
				target = r.In.URL
			}
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery // ReverseProxy removes parts that Go cannot parse
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.target.Load() == nil {
			http.Error(w, "the server behind this address has not started yet", http.StatusServiceUnavailable)
			return
		}
		reverse.ServeHTTP(w, r)
	})
}

// unreachable answers if the server does not.
func unreachable(w http.ResponseWriter, _ *http.Request, err error) {
	if errors.Is(err, context.Canceled) { // the client disconnected, and nobody reads an answer
		panic(http.ErrAbortHandler)
	}
	http.Error(w, "the server behind this address does not answer: "+err.Error(), http.StatusBadGateway)
}
