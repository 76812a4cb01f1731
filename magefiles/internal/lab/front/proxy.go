package front

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"time"
)

// newTransport is for a server on the same machine: through no proxy, and with bodies as they come, compressed or not.
func newTransport() *http.Transport {
	return &http.Transport{
		DisableCompression:    true,
		MaxIdleConnsPerHost:   64,
		ExpectContinueTimeout: time.Second, // for a server that ignores «Expect: 100-continue»
	}
}

// proxy passes requests to the server behind. That one sees the Host that the client used, so that the addresses that it
// hands out lead to the front.
func (f *Front) proxy() http.Handler {
	reverse := &httputil.ReverseProxy{
		Transport:     f.transport,
		FlushInterval: -1, // whatever comes is sent on at once
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  unreachable,
		Rewrite: func(r *httputil.ProxyRequest) {
			target := f.target.Load()
			if target == nil { // taken away since
				target = r.In.URL
			}
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery // ReverseProxy leaves out what Go cannot parse
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

// unreachable answers for a server that does not.
func unreachable(w http.ResponseWriter, _ *http.Request, err error) {
	if errors.Is(err, context.Canceled) { // the client broke off, and nobody reads an answer
		panic(http.ErrAbortHandler)
	}
	http.Error(w, "the server behind this address does not answer: "+err.Error(), http.StatusBadGateway)
}
