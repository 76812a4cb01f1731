package registry

import (
	"net/http"
	"sync"
)

// handshakes remembers the answers to GET /v2/, which say how to log in at a registry. Package remote asks for them again for each repository, and
// for a host that may speak plain HTTP it tries TLS first each time.
type handshakes struct {
	next  http.RoundTripper
	plain func(host string) bool // whether a host may be reached without TLS

	mu       sync.Mutex
	answered map[string]handshake // by scheme and host
	noTLS    map[string]error     // by host: the last failure of TLS
}

// handshake is an answer without its body, which nobody reads.
type handshake struct {
	status int
	header http.Header
}

func remembering(next http.RoundTripper, plain func(string) bool) *handshakes {
	return &handshakes{next: next, plain: plain, answered: map[string]handshake{}, noTLS: map[string]error{}}
}

// RoundTrip implements http.RoundTripper.
func (h *handshakes) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || r.URL.Path != "/v2/" || r.Header.Get("Authorization") != "" || r.Response != nil {
		return h.next.RoundTrip(r)
	}
	if resp, err := h.known(r); resp != nil || err != nil {
		return resp, err
	}
	resp, err := h.next.RoundTrip(r)
	h.note(r, resp, err)
	return resp, err
}

// known is the remembered answer; it is an error if the host speaks only plain HTTP, and this is TLS.
func (h *handshakes) known(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, ok := h.answered[r.URL.Scheme+"://"+r.URL.Host]; ok {
		return &http.Response{
			Status: http.StatusText(a.status), StatusCode: a.status, Header: a.header.Clone(), Body: http.NoBody, Request: r,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	}
	if _, plain := h.answered["http://"+r.URL.Host]; plain {
		return nil, h.noTLS[r.URL.Host]
	}
	return nil, nil
}

// note keeps an answer that a working registry gives. A failure of TLS counts only for a host that may be reached without it.
func (h *handshakes) note(r *http.Request, resp *http.Response, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusUnauthorized):
		h.answered[r.URL.Scheme+"://"+r.URL.Host] = handshake{resp.StatusCode, resp.Header.Clone()}
	case err != nil && r.Context().Err() == nil && r.URL.Scheme == "https" && h.plain(r.URL.Host):
		h.noTLS[r.URL.Host] = err
	}
}
