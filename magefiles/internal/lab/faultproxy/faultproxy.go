// Package faultproxy is a fault proxy in front of a real HTTP server, in this process: it logs the requests of clients, and on request fails in the
// ways in which servers and networks do. Without a fault, a client gets the server's answer unchanged, byte for byte, while it arrives.
//
// It speaks HTTP/1.1, optionally over TLS. It has its address before the server behind it runs, because such servers must know the address that
// clients use.
package faultproxy

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
)

// Options are the settings of a fault proxy. The zero value listens on a free port, and answers 503 until To names a server.
type Options struct {
	Addr   string                          // address to listen on, host:port; "" is a free port of 127.0.0.1
	Target *url.URL                        // the server behind: its scheme and host; nil: none yet
	Wrap   func(http.Handler) http.Handler // handler between the faults and the server behind; nil: none
	TLS    bool                            // speak HTTPS, with a certificate of its own authority (CA)
}

// Proxy is a running fault proxy. Its methods are safe for concurrent use.
type Proxy struct {
	url       *url.URL
	ca        []byte
	client    *http.Client
	target    atomic.Pointer[url.URL]
	transport *http.Transport // to the server behind
	server    *http.Server
	served    chan struct{} // closed when no connection is accepted any more
	requests  requests

	mu     sync.Mutex
	faults []*activeFault // the oldest first
}

// Start listens, and serves until Close.
func Start(o Options) (*Proxy, error) {
	addr := o.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	f := &Proxy{
		url:       &url.URL{Scheme: "http", Host: listener.Addr().String()},
		transport: newTransport(),
		served:    make(chan struct{}),
		client:    &http.Client{Transport: &http.Transport{ExpectContinueTimeout: expectContinue}},
	}
	f.To(o.Target)
	listener = &refusingListener{Listener: listener, proxy: f}
	if o.TLS {
		f.url.Scheme = "https"
		identity, err := newIdentity(f.url.Hostname())
		if err != nil {
			listener.Close()
			return nil, fmt.Errorf("faultproxy: certificate: %w", err)
		}
		f.ca, f.client.Transport, listener = identity.ca, identity.transport(), identity.listen(listener)
	}
	behind := http.Handler(f.reverseProxy())
	if o.Wrap != nil {
		behind = o.Wrap(behind)
	}
	f.server = &http.Server{
		Handler:  f.requests.record(f.failing(behind)),
		ErrorLog: log.New(io.Discard, "", 0), // broken connections are the purpose of this server
	}
	go func() {
		defer close(f.served)
		_ = f.server.Serve(listener) // ends with Close
	}()
	return f, nil
}

// To sets the server behind, such as http://127.0.0.1:1234; with nil, clients get 503.
func (f *Proxy) To(target *url.URL) { f.target.Store(target) }

// URL is the proxy's address with its scheme, without a slash at the end.
func (f *Proxy) URL() string { return f.url.String() }

// Addr is the proxy's address as host:port.
func (f *Proxy) Addr() string { return f.url.Host }

// CA is the authority that clients must trust, in PEM; nil without TLS.
func (f *Proxy) CA() []byte { return f.ca }

// Client trusts the proxy's authority, and uses no other proxy.
func (f *Proxy) Client() *http.Client { return f.client }

// Close ends all connections and frees the address. Pending requests are cancelled.
func (f *Proxy) Close() error {
	err := f.server.Close()
	<-f.served
	f.client.CloseIdleConnections()
	f.transport.CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("faultproxy: %w", err)
	}
	return nil
}
