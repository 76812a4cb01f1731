package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// website is a web server that counts its requests by method and path.
type website struct {
	*httptest.Server
	mu     sync.Mutex
	asked  map[string]int
	answer func(w http.ResponseWriter, r *http.Request)
}

func newWebsite(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *website {
	t.Helper()
	s := &website{asked: map[string]int{}, answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.Method+" "+r.URL.Path]++
		s.mu.Unlock()
		s.answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *website) count(request string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[request]
}

// inSession runs f with the client of a new session.
func inSession(t *testing.T, workdir string, f func(c *dagger.Client)) {
	t.Helper()
	s, err := engine.Connect(t.Context(), enginetest.Options(t, workdir))
	must(t, err)
	defer func() { must(t, s.Close()) }()
	f(s.Client)
}

func TestADownloadIsFetchedAgainOnlyIfItsETagChanged(t *testing.T) {
	connect(t, t.TempDir()) // skips a short run
	ctx := t.Context()
	version := "1"
	s := newWebsite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+version+`"`)
		if r.Header.Get("If-None-Match") == `"`+version+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, "version "+version)
	})
	for _, step := range []struct {
		version string
		gets    int
	}{{"1", 1}, {"1", 1}, {"2", 2}, {"2", 2}} {
		version = step.version
		inSession(t, t.TempDir(), func(c *dagger.Client) {
			for range 2 {
				got, err := c.HTTP(s.URL + "/file").Contents(ctx)
				must(t, err)
				if got != "version "+step.version {
					t.Errorf("got %q, want version %s", got, step.version)
				}
			}
		})
		if got := s.count("GET /file"); got != step.gets {
			t.Errorf("version %s: the file was fetched %d times, want %d", step.version, got, step.gets)
		}
	}
}

// Two sessions are open at once: the second must not get the first one's download.
func TestAnOpenSessionDoesNotKeepADownloadFromChanging(t *testing.T) {
	connect(t, t.TempDir())
	n := 0
	s := newWebsite(t, func(w http.ResponseWriter, _ *http.Request) { n++; fmt.Fprint(w, n) })
	inSession(t, t.TempDir(), func(one *dagger.Client) {
		first, err := one.HTTP(s.URL + "/x").Contents(t.Context())
		must(t, err)
		inSession(t, t.TempDir(), func(two *dagger.Client) {
			second, err := two.HTTP(s.URL + "/x").Contents(t.Context())
			must(t, err)
			if first == second {
				t.Errorf("both sessions got %q", first)
			}
		})
	})
}

func TestADownloadThatFailedIsTriedAgain(t *testing.T) {
	c := connect(t, t.TempDir())
	broken := true
	s := newWebsite(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken {
			http.Error(w, "boom", http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, "fine")
	})
	if _, err := c.HTTP(s.URL).Contents(t.Context()); err == nil || err.Error() != "invalid response status 502 Bad Gateway" {
		t.Errorf("got %v", err)
	}
	broken = false
	got, err := c.HTTP(s.URL).Contents(t.Context())
	if err != nil || got != "fine" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestADownloadHasItsNameItsModeAndItsChecksum(t *testing.T) {
	ctx := context.Background()
	c := connect(t, t.TempDir())
	content := fmt.Sprint(time.Now().UnixNano()) // not in the cache of an earlier run
	s := newWebsite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			fmt.Fprint(w, r.Header.Get("Authorization"))
			return
		}
		fmt.Fprint(w, content)
	})
	describe := func(f *dagger.File) string {
		name, err := f.Name(ctx)
		must(t, err)
		mode, err := f.Stat().Permissions(ctx)
		must(t, err)
		text, err := f.Contents(ctx)
		must(t, err)
		return fmt.Sprintf("%s %o %s", name, mode, text)
	}
	sum := sha256.Sum256([]byte(content))
	right, wrong := "sha256:"+hex.EncodeToString(sum[:]), "sha256:"+strings.Repeat("0", 64)
	for _, step := range []struct {
		path string
		opts dagger.HTTPOpts
		want string
	}{
		{"/a/b.tgz?x=y", dagger.HTTPOpts{}, "b.tgz 600 " + content},
		{"/", dagger.HTTPOpts{}, "index 600 " + content},
		{"/a", dagger.HTTPOpts{Name: "c", Permissions: 0o4755}, "c 755 " + content},
		{"/a", dagger.HTTPOpts{Permissions: 0o666}, "a 666 " + content},
		{"/a", dagger.HTTPOpts{Checksum: right}, "a 600 " + content},
		{"/secret", dagger.HTTPOpts{AuthHeader: c.SetSecret("header", "Bearer abc")}, "secret 600 Bearer abc"},
	} {
		if got := describe(c.HTTP(s.URL+step.path, step.opts)); got != step.want {
			t.Errorf("%s: got %q, want %q", step.path, got, step.want)
		}
	}
	for _, path := range []string{"/wrong", "/a"} { // one that is new, and one that was downloaded before
		_, err := c.HTTP(s.URL+path, dagger.HTTPOpts{Checksum: wrong}).Contents(ctx)
		if want := "http checksum mismatch: expected " + wrong + ", got " + right; err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	for address, want := range map[string]string{
		"ftp://x/y": `Get "ftp://x/y": unsupported protocol scheme "ftp"`, "http:///y": `Get "http:///y": http: no Host in request URL`,
	} {
		if _, err := c.HTTP(address).Contents(ctx); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", address, err, want)
		}
	}
}
