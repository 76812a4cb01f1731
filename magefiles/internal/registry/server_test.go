package registry

import (
	"context"
	"encoding/pem"
	"io"
	"log"
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

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"

	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// server is a real registry, with what a test wants in front of it.
type server struct {
	*httptest.Server
	host     string
	uploaded atomic.Int64 // bytes of blobs that arrived
	requests atomic.Int64
}

type serverOptions struct {
	user, password string // htpasswd; "" lets everybody in
	anonymousReads bool   // as Zot with anonymousPolicy: reads pass, GET /v2/ answers 200
	tls            bool
	front          func(next http.Handler) http.Handler // stands before the registry
	dir            string                               // stores files there instead of in memory
}

func newServer(t testing.TB, o serverOptions) *server {
	t.Helper()
	logrus.SetOutput(io.Discard)
	config := &configuration.Configuration{Storage: configuration.Storage{"inmemory": nil}}
	if o.dir != "" {
		config.Storage = configuration.Storage{"filesystem": configuration.Parameters{"rootdirectory": o.dir}}
	}
	config.Storage["maintenance"] = configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}}
	config.Storage["delete"] = configuration.Parameters{"enabled": true}
	config.Catalog.MaxEntries = 100
	config.Log.AccessLog.Disabled = true
	app := func() http.Handler { return handlers.NewApp(context.Background(), config) }
	open := app()
	handler := open
	if o.user != "" {
		config.Auth = configuration.Auth{"htpasswd": configuration.Parameters{"realm": "test", "path": htpasswd(t, o.user, o.password)}}
		handler = app()
		if o.anonymousReads {
			handler = anonymousReads(handler, o)
		}
	}
	if o.front != nil {
		handler = o.front(handler)
	}
	s := &server{}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if strings.Contains(r.URL.Path, "/blobs/uploads/") {
			r.Body = &countingBody{ReadCloser: r.Body, n: &s.uploaded}
		}
		handler.ServeHTTP(w, r)
	})
	s.Server = httptest.NewUnstartedServer(counted)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	s.host = s.Listener.Addr().String()
	return s
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

// anonymousReads lets requests without credentials read, by doing it for them.
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

func htpasswd(t testing.TB, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(path, []byte(user+":"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *server) caFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// proxied is a reverse proxy to the server, for faults that need a connection of their own.
func (s *server) proxied(t testing.TB, front func(http.Handler) http.Handler) string {
	t.Helper()
	target, err := url.Parse(s.URL)
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
		Proxy:       func(*http.Request) (*url.URL, error) { return nil, nil }, // whatever the machine's settings
		Retry:       Retry{First: time.Millisecond, Max: 2 * time.Second},
	}
}

func withAccount(user, password string) Options {
	o := fast()
	o.Credentials = func(context.Context, string) (string, string, bool, error) { return user, password, true, nil }
	return o
}
