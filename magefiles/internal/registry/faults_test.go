package registry

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// wantError asserts kind and text of an error.
func wantError(t *testing.T, err, kind error, parts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want a %q", err, kind)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q lacks %q", err, p)
		}
	}
	if strings.ContainsAny(err.Error(), "\n?") {
		t.Errorf("%q has a line break or a query", err)
	}
}

func TestRegistryDown(t *testing.T) {
	const host = "127.0.0.1:1" // another test may have a port that was free a moment ago
	c := New(fast())
	want := "registry " + host + " is not reachable (connection refused): start it, or correct its address (the site's registry is BLUMEOPS_REGISTRY)"
	_, ok, err := c.Look(t.Context(), refAt(host, "v1"))
	if ok {
		t.Error("found")
	}
	wantError(t, err, ErrUnreachable, want)
	_, err = c.Push(t.Context(), refAt(host, "v1"), assembled(t, metadata(), simple(amd64, "a")))
	wantError(t, err, ErrUnreachable, want)
}

func TestUnknownHost(t *testing.T) {
	_, _, err := New(fast()).Look(t.Context(), refAt("registry.invalid", "v1"))
	wantError(t, err, ErrUnreachable, "registry.invalid")
}

func TestSlowRegistry(t *testing.T) {
	release := make(chan struct{})
	s := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/manifests/") {
				select {
				case <-release:
				case <-r.Context().Done():
				}
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	defer close(release)
	o := fast()
	o.Timeout = 200 * time.Millisecond
	_, _, err := New(o).Look(t.Context(), refAt(s.host, "v1"))
	wantError(t, err, ErrUnreachable, s.host, "does not answer in time")
	_, err = New(o).Push(t.Context(), refAt(s.host, "v1"), assembled(t, metadata(), simple(amd64, "a")))
	wantError(t, err, ErrUnreachable, "does not answer in time")
}

// A registry that stops taking data in the middle of a blob would otherwise hold the push forever.
func TestStalledUpload(t *testing.T) {
	release := make(chan struct{})
	s := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch {
				<-release
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	defer close(release)
	o := fast()
	o.Timeout = 300 * time.Millisecond
	big := simple(amd64, randomText(16<<20))
	_, err := New(o).Push(t.Context(), refAt(s.host, "v1"), assembled(t, metadata(), big))
	wantError(t, err, ErrUnreachable, "does not answer in time")
}

// failing answers the first n requests that match with a status.
func failing(n int64, status int, header http.Header, match func(*http.Request) bool, seen *atomic.Int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if match(r) && seen.Add(1) <= n {
				for k, v := range header {
					w.Header()[k] = v
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "<html>oops</html>")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func method(m, part string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == m && strings.Contains(r.URL.Path, part) }
}

func TestTransientFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		match  func(*http.Request) bool
	}{
		{"ping", 503, nil, method("GET", "/v2/")},
		{"upload start", 502, nil, method("POST", "/blobs/uploads/")},
		{"blob", 500, nil, method("PATCH", "/blobs/uploads/")},
		{"blob's end", 504, nil, method("PUT", "/blobs/uploads/")},
		{"manifest", 503, nil, method("PUT", "/manifests/")},
		{"throttled", 429, http.Header{"Retry-After": {"1"}}, method("PUT", "/manifests/")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, serverOptions{})
			var seen atomic.Int64
			host := s.proxied(t, failing(2, tt.status, tt.header, tt.match, &seen))
			c := New(fast())
			a := assembled(t, metadata(), simple(amd64, "a"))
			if _, err := c.Push(t.Context(), refAt(host, "v1"), a); err != nil {
				t.Fatal(err)
			}
			if err := c.Verify(t.Context(), refAt(host, "v1"), a); err != nil {
				t.Error(err)
			}
			if seen.Load() < 3 {
				t.Errorf("only %d requests: nothing failed", seen.Load())
			}
		})
	}
}

func TestFaultsAndDenialsThatStay(t *testing.T) {
	for _, tt := range []struct {
		name     string
		status   int
		header   http.Header
		kind     error
		requests int64 // that reach the fault
		text     string
	}{
		{"5xx", 503, nil, ErrFaulty, 4, "503 Service Unavailable"},
		{"denied", 403, nil, ErrDenied, 1, "does not let this account write"},
		{"unauthorized", 401, nil, ErrUnauthorized, 1, "requires credentials"},
		{"gone", 410, nil, ErrRejected, 1, "410 Gone"},
		{"throttled", 429, nil, ErrThrottled, 4, "too many requests"},
		{"throttled for long", 429, http.Header{"Retry-After": {"3600"}}, ErrThrottled, 1, "requests a wait of 1h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, serverOptions{})
			var seen atomic.Int64
			host := s.proxied(t, failing(1000, tt.status, tt.header, method("PUT", "/manifests/"), &seen))
			_, err := New(fast()).Push(t.Context(), refAt(host, "v1"), assembled(t, metadata(), simple(amd64, "a")))
			wantError(t, err, tt.kind, tt.text, refAt(host, "v1").String())
			if strings.Contains(err.Error(), "html") {
				t.Errorf("%q repeats a page", err)
			}
			if seen.Load() != tt.requests {
				t.Errorf("%d attempts, want %d", seen.Load(), tt.requests)
			}
			if _, ok, err := New(fast()).Look(t.Context(), refAt(s.host, "v1")); ok || err != nil {
				t.Errorf("the tag exists: ok=%v err=%v", ok, err)
			}
		})
	}
}

// An absent image and an error are distinguished by the registry's code, not by 404 alone.
func TestLookIsNotFooledBy404(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, _, err := New(fast()).Look(t.Context(), refAt(s.Listener.Addr().String(), "v1"))
	wantError(t, err, ErrRejected, "404 Not Found")
	for _, status := range []int{401, 403, 500} {
		r := newServer(t, serverOptions{})
		var seen atomic.Int64
		host := r.proxied(t, failing(1000, status, nil, method("GET", "/manifests/"), &seen))
		if _, ok, err := New(fast()).Look(t.Context(), refAt(host, "v1")); ok || err == nil {
			t.Errorf("%d: ok=%v err=%v", status, ok, err)
		}
	}
}

// dropping breaks the connection in the middle of the first n blobs.
func dropping(n int64, seen *atomic.Int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch && seen.Add(1) <= n {
				_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestDroppedConnection(t *testing.T) {
	big := simple(amd64, randomText(4<<20))
	t.Run("once", func(t *testing.T) {
		s := newServer(t, serverOptions{})
		var seen atomic.Int64
		host := s.proxied(t, dropping(2, &seen))
		var last Progress
		o := fast()
		o.Progress = func(p Progress) { last = p }
		c := New(o)
		a := assembled(t, metadata(), big)
		if _, err := c.Push(t.Context(), refAt(host, "v1"), a); err != nil {
			t.Fatal(err)
		}
		if err := c.Verify(t.Context(), refAt(host, "v1"), a); err != nil {
			t.Error(err)
		}
		if last.Done != last.Total {
			t.Errorf("what was sent twice counts twice: %+v", last)
		}
	})
	t.Run("always", func(t *testing.T) {
		s := newServer(t, serverOptions{})
		var seen atomic.Int64
		host := s.proxied(t, dropping(1000, &seen))
		_, err := New(fast()).Push(t.Context(), refAt(host, "v1"), assembled(t, metadata(), big))
		wantError(t, err, ErrUnreachable, host, "broke the connection (")
		if _, ok, err := New(fast()).Look(t.Context(), refAt(s.host, "v1")); ok || err != nil {
			t.Errorf("the tag exists: ok=%v err=%v", ok, err)
		}
	})
}

// A registry, or a cache in front of it, says 201 and stores something else.
func TestStoresSomethingElse(t *testing.T) {
	other := assembled(t, metadata(), simple(amd64, "other"))
	a := assembled(t, metadata(), simple(amd64, "mine"))
	s := newServer(t, serverOptions{})
	if _, err := New(fast()).Push(t.Context(), refAt(s.host, "v1"), other); err != nil {
		t.Fatal(err)
	}
	for name, swallow := range map[string]func(*http.Request) bool{
		"tag":  method("PUT", "/manifests/v1"),
		"blob": method("PUT", "/blobs/uploads/"),
	} {
		t.Run(name, func(t *testing.T) {
			host := s.proxied(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if swallow(r) || (name == "blob" && method("PUT", "/manifests/")(r)) {
						w.WriteHeader(http.StatusCreated)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			c := New(fast())
			digest, err := c.Push(t.Context(), refAt(host, "v1"), a)
			if err != nil || digest != a.Digest() {
				t.Fatalf("%s, %v", digest, err)
			}
			wantError(t, c.Verify(t.Context(), refAt(host, "v1"), a), ErrMismatch, other.Digest(), a.Digest())
		})
	}
	t.Run("nothing", func(t *testing.T) {
		empty := newServer(t, serverOptions{})
		wantError(t, New(fast()).Verify(t.Context(), refAt(empty.host, "v1"), a), ErrMismatch, "does not have its tag")
	})
	t.Run("lost blob", func(t *testing.T) {
		s := newServer(t, serverOptions{})
		if _, err := New(fast()).Push(t.Context(), refAt(s.host, "v1"), a); err != nil {
			t.Fatal(err)
		}
		layer := a.images[0].layers[0].desc.Digest.String()
		host := s.proxied(t, failing(1000, 404, nil, method("HEAD", layer), new(atomic.Int64)))
		wantError(t, New(fast()).Verify(t.Context(), refAt(host, "v1"), a), ErrMismatch, layer)
	})
}
