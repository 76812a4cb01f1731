package registry

import (
	"fmt"
	"net/http"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// idleConns is the number of connections to a registry that are kept for the next request: the maximum number of parallel requests.
// Further connections are closed and dialled again, which with TLS costs more than the request.
const idleConns = 16

// newTransport builds the HTTP transport that all calls of a client share.
func newTransport(o Options) (*http.Transport, error) {
	own, err := trust.Transport(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("registry CA file: %w: name a readable PEM file, or unset it", err)
	}
	own.MaxIdleConnsPerHost = max(o.Jobs, idleConns)
	return own, nil
}

// guard refuses plain HTTP unless it is allowed, and after a redirect from HTTPS, even if a library would allow it. It notes how long a registry
// asks to wait, and bounds its answers.
type guard struct {
	plain []string
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	redirected := r.Response != nil && r.Response.Request != nil && r.Response.Request.URL.Scheme == "https"
	if r.URL.Scheme == "http" && (redirected || !plainAllowed(r.URL.Host, g.plain)) {
		return nil, fmt.Errorf("%w for host %s", httpx.ErrPlain, r.URL.Host)
	}
	resp, err := g.next.RoundTrip(r)
	if err == nil {
		noteWait(r.Context(), resp)
		bounded(r, resp)
	}
	return resp, err
}
