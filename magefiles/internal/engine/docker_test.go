package engine

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Docker by TCP counts only if the docker command could use it.
func TestDockerByTCP(t *testing.T) {
	t.Parallel()
	api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_ping" {
			http.NotFound(w, r)
		}
	})
	serve := func(secure *tls.Config) *httptest.Server {
		s := httptest.NewUnstartedServer(api)
		if s.TLS = secure; secure != nil {
			s.StartTLS()
		} else {
			s.Start()
		}
		t.Cleanup(s.Close)
		return s
	}
	plain, open, closed := serve(nil), serve(&tls.Config{}), serve(&tls.Config{ClientAuth: tls.RequireAnyClientCert})
	folder := func(names ...string) string {
		dir := t.TempDir()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), pair(t, open.TLS.Certificates[0]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	all, noKey, none := folder("ca.pem", "cert.pem", "key.pem"), folder("ca.pem"), folder()
	for _, test := range []struct {
		name    string
		server  *httptest.Server
		verify  string // $DOCKER_TLS_VERIFY
		folder  string
		refused string // part of the error; "" for none
	}{
		{"plain", plain, "", none, ""},
		{"TLS", open, "1", all, ""},
		{"TLS without a key", open, "1", noKey, ""},
		{"TLS with the key that it requires", closed, "1", all, ""},
		{"TLS without the key that it requires", closed, "1", noKey, "certificate required"},
		{"TLS without an authority", open, "1", none, "ca.pem: no such file"},
		{"TLS that is not announced", closed, "", all, "DOCKER_TLS_VERIFY"},
		{"no TLS where it is announced", plain, "1", all, "HTTPS client"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"DOCKER_TLS_VERIFY": test.verify, "DOCKER_CERT_PATH": test.folder}
			opts := Options{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
			err := ping(t.Context(), opts, "tcp://"+test.server.Listener.Addr().String())
			if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%v; want %q", err, test.refused)
			}
		})
	}
}

// The line about the engine says why a Docker that the environment names is not used.
func TestDockerThatRefuses(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	host := "tcp://" + closed.Listener.Addr().String()
	env := map[string]string{"DOCKER_HOST": host}
	why, ok := daggerAvailable(t.Context(), Options{LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	if ok || !strings.HasPrefix(why, "no Docker at "+host+": ") || !strings.Contains(why, "refused") || !strings.HasSuffix(why, ", no Dagger runner") {
		t.Errorf("%v, %q", ok, why)
	}
}

// pair is one file with a certificate and its key.
func pair(t *testing.T, c tls.Certificate) []byte {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, block := range []*pem.Block{{Type: "CERTIFICATE", Bytes: c.Certificate[0]}, {Type: "PRIVATE KEY", Bytes: key}} {
		if err := pem.Encode(&text, block); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}
