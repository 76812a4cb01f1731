package registry

import (
	"net/http"
	"strings"
	"testing"
)

func TestHolds(t *testing.T) {
	heads := http.StatusOK
	s := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead && heads != http.StatusOK {
				w.WriteHeader(heads)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	a := assembled(t, metadata(), simple(amd64, "a"))
	ref := refAt(s.host, "v1.0.0")
	c := New(fast())
	if _, err := c.Push(t.Context(), ref, a); err != nil {
		t.Fatal(err)
	}
	none := "sha256:" + strings.Repeat("0", 64)
	for _, heads = range []int{http.StatusOK, http.StatusNotFound, http.StatusMethodNotAllowed} {
		if found, ok, err := c.Holds(t.Context(), ref, ""); found != a.Digest() || !ok || err != nil {
			t.Errorf("%s: %q, %v, %v", ref, found, ok, err)
		}
		if found, ok, err := c.Holds(t.Context(), refAt(s.host, "v9.9.9"), a.Digest()); found != a.Digest() || !ok || err != nil {
			t.Errorf("its digest: %q, %v, %v", found, ok, err)
		}
		if found, ok, err := c.Holds(t.Context(), refAt(s.host, "v9.9.9"), ""); found != "" || ok || err != nil {
			t.Errorf("another tag: %q, %v, %v", found, ok, err)
		}
		if _, ok, err := c.Holds(t.Context(), ref, none); ok || err != nil {
			t.Errorf("another digest: %v, %v", ok, err)
		}
	}
	if _, _, err := c.Holds(t.Context(), ref, "sha256:short"); err == nil || !strings.Contains(err.Error(), "@sha256:short") {
		t.Errorf("no digest: %v", err)
	}
	heads = http.StatusOK
	down := refAt("127.0.0.1:1", "v1.0.0")
	_, _, err := c.Holds(t.Context(), down, "")
	wantError(t, err, ErrUnreachable, "127.0.0.1:1")
}

func TestMayPush(t *testing.T) {
	s := newServer(t, serverOptions{user: "ci", password: "hunter2"})
	ref := refAt(s.host, "v1.0.0")
	if err := New(withAccount("ci", "hunter2")).MayPush(t.Context(), ref); err != nil {
		t.Error(err)
	}
	if n := s.uploaded.Load(); n != 0 {
		t.Errorf("%d bytes were sent", n)
	}
	var methods []string
	for _, q := range s.Requests() {
		if strings.Contains(q.Path, "/blobs/uploads/") {
			methods = append(methods, q.Method)
		}
	}
	if got := strings.Join(methods, " "); !strings.HasSuffix(got, "POST DELETE") {
		t.Errorf("requests: %s", got)
	}
	wantError(t, New(withAccount("ci", "wrong")).MayPush(t.Context(), ref), ErrUnauthorized, `user "ci"`)
	wantError(t, New(fast()).MayPush(t.Context(), ref), ErrUnauthorized, "requires credentials to write")

	reader := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	wantError(t, New(fast()).MayPush(t.Context(), refAt(reader.host, "v1.0.0")), ErrDenied, "does not let this account write")
}
