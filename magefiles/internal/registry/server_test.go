package registry

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// server is the lab's registry, with a test's handler in front of it.
type server struct {
	*lab.Registry
	host     string
	uploaded atomic.Int64 // bytes of blobs that arrived
	requests atomic.Int64
}

type serverOptions struct {
	user, password string // htpasswd; "" means no authentication
	anonymousReads bool   // as Zot with anonymousPolicy: reads pass, GET /v2/ answers 200
	createOnly     bool   // tags cannot be moved, nor be put again
	tls            bool
	front          func(next http.Handler) http.Handler // wraps the registry's handler
	dir            string                               // stores files there; "" is a new folder
}

func newServer(t testing.TB, o serverOptions) *server {
	t.Helper()
	s := &server{}
	options := lab.RegistryOptions{TLS: o.tls, CreateOnly: o.createOnly, Wrap: func(registry http.Handler) http.Handler {
		if o.anonymousReads {
			registry = anonymousReads(registry, o)
		}
		if o.front != nil {
			registry = o.front(registry)
		}
		return s.counted(registry)
	}}
	if o.user != "" {
		options.Users = map[string]string{o.user: o.password}
	}
	var err error
	if s.Registry, err = lab.StartRegistry(t.Context(), lab.Home{Dir: o.dir}, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	s.host = s.Addr
	return s
}

func (s *server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if strings.Contains(r.URL.Path, "/blobs/uploads/") {
			r.Body = &countingBody{ReadCloser: r.Body, n: &s.uploaded}
		}
		next.ServeHTTP(w, r)
	})
}

type countingBody struct {
	io.ReadCloser
	n *atomic.Int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// anonymousReads lets requests without credentials read: it adds credentials.
func anonymousReads(next http.Handler, o serverOptions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			if r.URL.Path == "/v2/" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusOK)
				return
			}
			r.SetBasicAuth(o.user, o.password)
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) caFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, s.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// proxied is a reverse proxy to the server, for faults that need a connection of their own.
func (s *server) proxied(t testing.TB, front func(http.Handler) http.Handler) string {
	t.Helper()
	target, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p := httptest.NewServer(front(proxy))
	t.Cleanup(p.Close)
	return p.Listener.Addr().String()
}

func refAt(host, tag string) image.Reference {
	return image.Reference{Registry: host, Repository: "blumeops/nettest", Tag: tag}
}

// fast are options whose waits do not slow the tests.
func fast() Options {
	return Options{
		Credentials: func(context.Context, string) (string, string, bool, error) { return "", "", false, nil },
		Timeout:     10 * time.Second,
		Retry:       Retry{First: time.Millisecond, Max: 2 * time.Second},
	}
}

func withAccount(user, password string) Options {
	o := fast()
	o.Credentials = func(context.Context, string) (string, string, bool, error) { return user, password, true, nil }
	return o
}
