package registry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCredentials(t *testing.T) {
	s := newServer(t, serverOptions{user: "ci", password: "hunter2", anonymousReads: true})
	a := assembled(t, metadata(), simple(amd64, "a"))
	ref := refAt(s.host, "v1.0.0")
	anonymous := New(fast())
	if _, ok, err := anonymous.Look(t.Context(), ref); ok || err != nil {
		t.Fatalf("anonymous read: ok=%v err=%v", ok, err)
	}
	_, err := anonymous.Push(t.Context(), ref, a)
	wantError(t, err, ErrUnauthorized, "requires credentials to write", "docker login "+s.host)

	wrong := New(withAccount("ci", "s3cret-wrong"))
	_, err = wrong.Push(t.Context(), ref, a)
	wantError(t, err, ErrUnauthorized, `user "ci"`)
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the password is in %q", err)
	}
	_, _, err = wrong.Look(t.Context(), ref)
	wantError(t, err, ErrUnauthorized, `user "ci"`)

	right := New(withAccount("ci", "hunter2"))
	if _, err := right.Push(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
	if found, ok, err := anonymous.Look(t.Context(), ref); !ok || err != nil || found.Digest != a.Digest() {
		t.Errorf("anonymous read: %v ok=%v err=%v", found, ok, err)
	}
}

func TestCredentialsOfDockerConfig(t *testing.T) {
	s := newServer(t, serverOptions{user: "ci", password: "hunter2"})
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", home)
	config := `{"auths":{"` + s.host + `":{"auth":"Y2k6aHVudGVyMg=="}}}` // ci:hunter2
	if err := os.WriteFile(filepath.Join(home, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(fast()).Push(t.Context(), refAt(s.host, "v1"), assembled(t, metadata(), simple(amd64, "a"))); err != nil {
		t.Fatal(err)
	}
}

// A credential helper is a program docker-credential-NAME that reads the host and answers JSON.
func TestCredentialHelper(t *testing.T) {
	s := newServer(t, serverOptions{user: "ci", password: "hunter2"})
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", home)
	t.Setenv("PATH", home+string(os.PathListSeparator)+os.Getenv("PATH"))
	config := `{"credHelpers":{"` + s.host + `":"testing"}}`
	if err := os.WriteFile(filepath.Join(home, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ref := refAt(s.host, "v1")
	a := assembled(t, metadata(), simple(amd64, "a"))
	_, err := New(fast()).Push(t.Context(), ref, a)
	wantError(t, err, ErrCredentials, "docker-credential-testing")
	helper := "#!/bin/sh\necho '{\"Username\":\"ci\",\"Secret\":\"hunter2\"}'\n"
	if err := os.WriteFile(filepath.Join(home, "docker-credential-testing"), []byte(helper), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := New(fast()).Push(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
}

func TestCredentialsThatFail(t *testing.T) {
	s := newServer(t, serverOptions{})
	o := fast()
	cause := errors.New("op://ci/zot/password: no such item")
	o.Credentials = func(context.Context, string) (string, string, bool, error) { return "", "", false, cause }
	_, _, err := New(o).Look(t.Context(), refAt(s.host, "v1"))
	wantError(t, err, ErrCredentials, "no such item")
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if n := s.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestTLS(t *testing.T) {
	s := newServer(t, serverOptions{tls: true})
	ref := refAt(s.host, "v1")
	_, _, err := New(fast()).Look(t.Context(), ref)
	wantError(t, err, ErrUntrusted, "authority is not known", "BLUMEOPS_CA_FILE")
	o := fast()
	o.CAFile = s.caFile(t)
	a := assembled(t, metadata(), simple(amd64, "a"))
	if _, err := New(o).Push(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
	if err := New(o).Verify(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
	o.CAFile = filepath.Join(t.TempDir(), "absent.pem")
	if _, _, err := New(o).Look(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "absent.pem") {
		t.Errorf("err = %v", err)
	}
	o.CAFile = filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(o.CAFile, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := New(o).Look(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "BEGIN CERTIFICATE") {
		t.Errorf("err = %v", err)
	}
}

// A host that is not loopback and not named never gets plain HTTP. A proxy function replaces name resolution.
func TestPlainHTTPOnlyWhereAllowed(t *testing.T) {
	s := newServer(t, serverOptions{})
	for _, host := range []string{"registry.example:" + port(s.host), "10.1.2.3:" + port(s.host)} {
		o := fast()
		_, err := dialTo(o, s.host).Push(t.Context(), refAt(host, "v1"), assembled(t, metadata(), simple(amd64, "a")))
		wantError(t, err, ErrUntrusted, "does not use TLS", "add it to the plain registries")
		o.Plain = []string{host}
		if _, err := dialTo(o, s.host).Push(t.Context(), refAt(host, "v1"), assembled(t, metadata(), simple(amd64, "a"))); err != nil {
			t.Error(err)
		}
	}
}

func port(host string) string { _, p, _ := net.SplitHostPort(host); return p }

// dialTo makes a client all whose connections end at one address, as if the names resolved to it.
func dialTo(o Options, addr string) *Client {
	c := New(o)
	own, err := newTransport(c.opts)
	if err != nil {
		panic(err)
	}
	own.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	c.transport = func() (http.RoundTripper, error) { return c.opts.guarded(own), nil }
	return c
}

func TestPlainAllowed(t *testing.T) {
	plain := []string{"zot.lan", "10.0.0.5:5000"}
	for host, want := range map[string]bool{
		"127.0.0.1:5000": true, "127.9.9.9": true, "localhost": true, "localhost:1": true, "[::1]:5000": true, "a.localhost:5": true,
		"zot.lan": true, "zot.lan:8080": true, "10.0.0.5:5000": true,
		"10.0.0.5:5001": false, "10.0.0.5": false, "zot.lan.example": false, "docker.io": false, "mylocalhost": false,
	} {
		if got := plainAllowed(host, plain); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

// TestCreateOnly has an account that may make tags and not move them, like some policies of Zot.
func TestCreateOnly(t *testing.T) {
	s := newServer(t, serverOptions{createOnly: true})
	c := New(fast())
	for tag, hint := range map[string]string{"dev": "allow the account to overwrite", "v1.0.0": "publish another version"} {
		ref := refAt(s.host, tag)
		if _, err := c.Push(t.Context(), ref, assembled(t, metadata(), simple(amd64, "a"))); err != nil {
			t.Fatal(err)
		}
		_, err := c.Push(t.Context(), ref, assembled(t, metadata(), simple(amd64, "b")))
		wantError(t, err, ErrDenied, hint)
		if other := "another version"; tag == "dev" && strings.Contains(err.Error(), other) {
			t.Errorf("a channel has no %s: %v", other, err)
		}
	}
}

// TestReasonOfZot has an answer in the form of Zot: its detail says what is wrong. Other details are not repeated.
func TestReasonOfZot(t *testing.T) {
	zot := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{"reason":"manifest is not\nsupported","reference":"no-matter"}},{"code":"X","detail":["more"]}]}`))
		})
	}
	s := newServer(t, serverOptions{front: zot})
	_, _, err := New(fast()).Look(t.Context(), refAt(s.host, "v1"))
	wantError(t, err, ErrRejected, "MANIFEST_INVALID: manifest invalid: manifest is not supported; X")
	if strings.Contains(err.Error(), "no-matter") {
		t.Error(err)
	}
}
