package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust/trusttest"
)

// opened is a runner with a cache folder of its own.
func opened(t *testing.T, caFile string) *App {
	s := example
	s.CAFile = caFile
	r, _ := withSettings(s)
	r.cacheAt = t.TempDir()
	r.trusted = newAuthorities(r.CAFile, r.cacheAt, r.console.Warn)
	return r
}

// The authority that a variable of the machine names reaches each client, the engine and npm; one that a setting names takes its place; what a
// setting names and cannot be read is refused.
func TestAuthoritiesOfTheMachine(t *testing.T) {
	server, file := trusttest.Server(t, trusttest.None, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version":"v1"}`)) }))
	_, other := trusttest.Server(t, trusttest.None, http.NotFoundHandler())
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"} {
		t.Setenv(name, "")
	}
	t.Setenv("NODE_EXTRA_CA_CERTS", file)
	r := opened(t, "")
	if version, err := (publicSite{server.URL, r.http()}).Version(t.Context()); err != nil || version != "v1" {
		t.Errorf("%q, %v", version, err)
	}
	bundle, err := r.trusted.bundle()
	network, networkErr := r.network()
	if err != nil || networkErr != nil || network.CAFile != bundle || r.trusted.file() != bundle || !strings.HasPrefix(bundle, r.cacheAt) {
		t.Errorf("npm reads %q, registries %q, want %q: %v, %v", network.CAFile, r.trusted.file(), bundle, err, networkErr)
	}
	if opts, err := r.engineOptions("embedded"); err != nil || opts.CAFile != bundle {
		t.Errorf("the engine reads %q, %v", opts.CAFile, err)
	}
	if _, err := (publicSite{server.URL, opened(t, other).http()}).Version(t.Context()); err == nil || !strings.Contains(err.Error(), "authority is not known") {
		t.Errorf("with another authority set: %v", err)
	}
	missing := opened(t, filepath.Join(t.TempDir(), "missing.pem"))
	_, err = missing.trusted.bundle()
	if err == nil || !strings.Contains(err.Error(), "missing.pem") || !strings.Contains(err.Error(), settings.CAVariable) || console.Exit(err).(interface{ ExitStatus() int }).ExitStatus() != 2 {
		t.Errorf("a file that is missing: %v", err)
	}
	if _, err := (publicSite{server.URL, missing.http()}).Version(t.Context()); err == nil || !strings.Contains(err.Error(), "missing.pem") {
		t.Errorf("a file that is missing: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", empty)
	found, err := machineAuthorities{opened(t, "")}.Look()
	if err != nil || len(found) != 2 || found[0].Err == nil || found[0].Name != "SSL_CERT_FILE" || found[1].Err != nil || found[1].Certificates != 1 {
		t.Errorf("doctor finds %+v, %v", found, err)
	}
}
