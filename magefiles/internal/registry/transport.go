package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// errPlainHTTP is what a request over HTTP meets at a host that may only be spoken to over TLS.
var errPlainHTTP = errors.New("plain HTTP is not allowed")

// idleConns is how many connections to a registry are kept for the next request: as many as anybody asks with side by side. What is
// more is closed and dialled again, which with TLS costs more than the request.
const idleConns = 16

// newTransport builds the HTTP transport that all calls of a client share.
func newTransport(o Options) (http.RoundTripper, error) {
	roots, err := trust.Pool(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("registry CA file: %w: name a readable PEM file, or unset it", err)
	}
	proxy := o.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	dialer := &net.Dialer{Timeout: min(o.Timeout, 10*time.Second), KeepAlive: 30 * time.Second}
	return &guard{
		plain: o.Plain,
		next: &http.Transport{
			Proxy: proxy,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := dialer.DialContext(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				return &stallConn{Conn: conn, limit: o.Timeout}, nil
			},
			TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:     true,
			TLSHandshakeTimeout:   min(o.Timeout, 10*time.Second),
			ResponseHeaderTimeout: o.Timeout,
			ExpectContinueTimeout: time.Second,
			MaxIdleConnsPerHost:   max(o.Jobs, idleConns),
			IdleConnTimeout:       90 * time.Second,
		},
	}, nil
}

// guard refuses plain HTTP where it is not allowed, and after a redirect from HTTPS, whatever a library's heuristic says, notes how long a registry
// asks to be left alone, and bounds its answers.
type guard struct {
	plain []string
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	redirected := r.Response != nil && r.Response.Request != nil && r.Response.Request.URL.Scheme == "https"
	if r.URL.Scheme == "http" && (redirected || !plainAllowed(r.URL.Host, g.plain)) {
		return nil, fmt.Errorf("%w for host %s", errPlainHTTP, r.URL.Host)
	}
	resp, err := g.next.RoundTrip(r)
	if err == nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		if note, ok := r.Context().Value(pauseKey{}).(*pause); ok {
			note.set(retryAfter(resp.Header.Get("Retry-After"), time.Now()))
		}
	}
	if err == nil {
		bounded(r, resp)
	}
	return resp, err
}

// retryAfter reads the header's two forms, seconds and a date (RFC 9110, section 10.2.3); 0 if it is neither.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

// pause is how long the registry asked to wait during one attempt. It travels in the context, because the errors of package
// remote do not keep a response's header.
type pause struct {
	mu   sync.Mutex
	wait time.Duration
}

type pauseKey struct{}

func (p *pause) set(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait = max(p.wait, d)
}

func (p *pause) get() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wait
}

// stallConn ends a connection whose other side takes no more data: net/http's own limits only begin once a request is sent.
type stallConn struct {
	net.Conn
	limit time.Duration
}

// Write implements net.Conn.
func (c *stallConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
