package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"
)

// maxBody is the number of bytes read from an answer: enough to see that it arrives.
const maxBody = 1 << 20

// get sends one GET over an open connection, and judges the answer.
func get(ctx context.Context, conn net.Conn, t Target, plain bool, r *Result) {
	start := time.Now()
	resp, err := roundTrip(ctx, conn, t, plain)
	r.timed(HopHTTP, start)
	if err != nil {
		r.fail(HopHTTP, fmt.Errorf("GET %s: %w", pathOf(t), err), httpHint(err))
		return
	}
	defer resp.Body.Close()
	r.HTTP = &HTTPInfo{Status: resp.StatusCode, Location: resp.Header.Get("Location"), Server: resp.Header.Get("Server")}
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		r.fail(HopHTTP, fmt.Errorf("GET %s: the connection broke in the middle of the answer: %w", pathOf(t), err), httpHint(err))
		return
	}
	if t.Kind == KindRegistry {
		judgeRegistry(resp, plain, r)
		return
	}
	judgePage(resp, t, r)
}

func roundTrip(ctx context.Context, conn net.Conn, t Target, plain bool) (*http.Response, error) {
	use := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	transport := &http.Transport{DialContext: use, DialTLSContext: use, DisableKeepAlives: true, DisableCompression: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, urlOf(t, plain), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "nettest/"+version)
	return transport.RoundTrip(request)
}

func urlOf(t Target, plain bool) string {
	host := Target{Kind: KindHost, Host: t.Host, Port: t.Port}.String()
	if plain {
		return "http://" + host + pathOf(t)
	}
	return "https://" + host + pathOf(t)
}

func pathOf(t Target) string {
	switch {
	case t.Kind == KindRegistry:
		return "/v2/"
	case t.Path == "":
		return "/"
	default:
		return t.Path
	}
}

// judgePage decides whether an answer is good. A bare host must only answer; a URL must exist. 401 and 403 count as good: the service is
// reachable and requires credentials, which nettest does not have.
func judgePage(resp *http.Response, t Target, r *Result) {
	code := resp.StatusCode
	switch {
	case code >= 500:
		r.fail(HopHTTP, statusError(resp), "the server, or the proxy in front of it, answers but is not well: look at its log and at its backend")
	case code >= 400 && code != http.StatusUnauthorized && code != http.StatusForbidden && t.Kind != KindHost:
		r.fail(HopHTTP, statusError(resp), "the server is reached, but this page is not there: check the path")
	}
}

// judgeRegistry decides whether a registry answered GET /v2/ (OCI distribution specification, "Endpoints", end-1): 200, or 401 with a
// challenge. A web server that answers every path with its start page returns 200, too; its HTML shows that it is not a registry.
func judgeRegistry(resp *http.Response, plain bool, r *Result) {
	challenge := resp.Header.Get("Www-Authenticate")
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode == http.StatusOK && kind == "text/html":
		r.fail(HopRegistry, errors.New("GET /v2/ answers 200 with an HTML page: not a registry's API"), "check the host and port, or that the proxy passes /v2/ on to the registry")
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusUnauthorized && challenge != "":
		r.Registry = &RegistryInfo{Plain: plain, Challenge: challenge}
	case resp.StatusCode == http.StatusUnauthorized:
		r.fail(HopRegistry, errors.New("GET /v2/ answers 401 without a Www-Authenticate header: clients cannot learn how to log in"), "the proxy in front asks for credentials itself or drops the header: let /v2/ through to the registry")
	case resp.StatusCode == http.StatusBadRequest && plain:
		r.fail(HopRegistry, statusError(resp), "asked over plain HTTP: if the registry speaks TLS, leave it out of -insecure-registry, or use https://HOST/v2/ on loopback")
	case resp.StatusCode >= 500:
		r.fail(HopRegistry, statusError(resp), "the registry, or the proxy in front of it, answers but is not well: look at its log and its storage")
	default:
		r.fail(HopRegistry, statusError(resp), "expected 200, or 401 with a challenge: check the host and port, or that the proxy passes /v2/ on to the registry")
	}
}

func statusError(resp *http.Response) error {
	return fmt.Errorf("GET %s answers %s", resp.Request.URL.RequestURI(), resp.Status)
}

func httpHint(err error) string {
	switch {
	case isTimeout(err), errors.Is(err, context.DeadlineExceeded):
		return "connected, but the server does not answer in time: it is overloaded, or a proxy waits for its backend"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection: look at its log; a proxy does this when its backend is gone"
	default:
		return "the server does not speak HTTP here, or speaks TLS where plain HTTP was asked for"
	}
}
