package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// asked lists the requests since the last call, as "METHOD KIND": the last folder of the path is the kind.
func (s *server) asked() []string {
	var list []string
	for _, q := range s.Requests() {
		kind := strings.Split(strings.Trim(q.Path, "/"), "/")
		list = append(list, q.Method+" "+kind[max(0, len(kind)-2)])
	}
	s.Forget()
	return list
}

func (s *server) wantAsked(t *testing.T, when string, want ...string) {
	t.Helper()
	if got := s.asked(); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: requests %q, want %q", when, got, want)
	}
}

// tagsAndLook is what container:changed reads of a container.
func tagsAndLook(t *testing.T, c *Client, ref image.Reference) image.Found {
	t.Helper()
	tags, err := c.Tags(t.Context(), ref)
	if err != nil || len(tags) != 1 {
		t.Fatalf("tags %q, %v", tags, err)
	}
	found, ok, err := c.Look(t.Context(), ref)
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	return found
}

func TestRequests(t *testing.T) {
	s := newServer(t, serverOptions{})
	one, two := refAt(s.host, "v1.0.0"), refAt(s.host, "v1.0.0")
	one.Repository, two.Repository = "blumeops/one", "blumeops/two"
	pusher := New(fast())
	for ref, a := range map[image.Reference]*Artifact{
		one: assembled(t, metadata(), simple(amd64, "a")),
		two: assembled(t, metadata(), simple(amd64, "c"), simple(arm64, "b")),
	} {
		if _, err := pusher.Push(t.Context(), ref, a); err != nil {
			t.Fatal(err)
		}
	}
	s.Forget()
	cached := fast()
	cached.Cache = &Cache{Dir: filepath.Join(t.TempDir(), "cache")}
	uncached := New(fast())
	image1, index1 := tagsAndLook(t, uncached, one), tagsAndLook(t, uncached, two)
	all := []string{
		"GET v2", "GET tags", "GET manifests", "GET blobs", // an image; GET /v2/ once in a process
		"GET tags", "GET manifests", "GET manifests", "GET blobs", // an index
	}
	s.wantAsked(t, "without a cache", all...)
	for _, run := range []struct {
		when string
		want []string
	}{
		{"an empty cache", all},
		{"a full cache", []string{"GET v2", "GET tags", "GET manifests", "GET tags", "GET manifests"}},
	} {
		c := New(cached) // another process
		if got := tagsAndLook(t, c, one); !reflect.DeepEqual(got, image1) {
			t.Errorf("%s: image %+v, want %+v", run.when, got, image1)
		}
		if got := tagsAndLook(t, c, two); !reflect.DeepEqual(got, index1) {
			t.Errorf("%s: index %+v, want %+v", run.when, got, index1)
		}
		s.wantAsked(t, run.when, run.want...)
	}
}

// cachedFiles are the files of a cache.
func cachedFiles(t *testing.T, c *Cache) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.Dir, "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Content that does not have its digest, for example of a full disk or of another user, is read from the registry, and replaced.
func TestDamagedCache(t *testing.T) {
	s := newServer(t, serverOptions{})
	ref := refAt(s.host, "v1.0.0")
	if _, err := New(fast()).Push(t.Context(), ref, assembled(t, metadata(), simple(amd64, "a"), simple(arm64, "b"))); err != nil {
		t.Fatal(err)
	}
	o := fast()
	o.Cache = &Cache{Dir: t.TempDir()}
	want := tagsAndLook(t, New(o), ref)
	files := cachedFiles(t, o.Cache)
	if len(files) != 2 { // the manifest of the first image, and its config
		t.Fatalf("cached: %q", files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		forged := strings.ReplaceAll(string(text), `"org.opencontainers.image.`, `"org.example.image.`) // valid, with other labels
		if err := os.WriteFile(file, []byte(forged+" "), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := tagsAndLook(t, New(o), ref); !reflect.DeepEqual(got, want) {
		t.Errorf("after damage: %+v, want %+v", got, want)
	}
	s.Forget()
	tagsAndLook(t, New(o), ref)
	s.wantAsked(t, "replaced", "GET v2", "GET tags", "GET manifests")
	o.Cache = &Cache{Dir: files[0]} // no folder
	if got := tagsAndLook(t, New(o), ref); !reflect.DeepEqual(got, want) {
		t.Errorf("without a folder: %+v, want %+v", got, want)
	}
}

// A tag is read from the registry each time: it can move.
func TestCacheAndMovedTag(t *testing.T) {
	s := newServer(t, serverOptions{})
	ref := refAt(s.host, "dev")
	o := fast()
	o.Cache = &Cache{Dir: t.TempDir()}
	for _, content := range []string{"a", "b"} {
		a := assembled(t, metadata(), simple(amd64, content))
		if _, err := New(fast()).Push(t.Context(), ref, a); err != nil {
			t.Fatal(err)
		}
		if got := tagsAndLook(t, New(o), ref); got.Digest != a.Digest() {
			t.Errorf("%s: digest %s, want %s", content, got.Digest, a.Digest())
		}
	}
}

// A push, and the look before it, must notice that a registry has lost content: only readers have a cache.
func TestLostContent(t *testing.T) {
	lost := false
	s := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lost && strings.Contains(r.URL.Path, "/blobs/") {
				w.WriteHeader(http.StatusNotFound)
				_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": "BLOB_UNKNOWN"}}})
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	ref := refAt(s.host, "v1.0.0")
	c := New(fast())
	if _, err := c.Push(t.Context(), ref, assembled(t, metadata(), simple(amd64, "a"))); err != nil {
		t.Fatal(err)
	}
	tagsAndLook(t, c, ref)
	lost = true
	if _, _, err := c.Look(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "BLOB_UNKNOWN") {
		t.Errorf("error %v", err)
	}
}

func TestBoundedCache(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for i := range 10 {
		file := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(file, make([]byte, 10), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now, now.Add(time.Duration(i%5-10)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		limit int64
		want  string
	}{{100, "0 1 2 3 4 5 6 7 8 9"}, {99, "3 4 8 9"}} {
		bound(dir, c.limit)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if got := strings.Join(left, " "); got != c.want {
			t.Errorf("limit %d: %s, want %s", c.limit, got, c.want)
		}
	}
}

// A registry with tokens, as forges have, is asked for one token for each repository.
func TestTokens(t *testing.T) {
	var host string
	s := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scope := r.URL.Query().Get("scope")
			switch authorization := r.Header.Get("Authorization"); {
			case r.URL.Path == "/token":
				_ = json.NewEncoder(w).Encode(map[string]string{"token": scope})
			case r.URL.Path == "/v2/" || !strings.Contains(authorization, "Bearer repository:"+strings.Split(r.URL.Path+"///", "/")[2]):
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, host))
				w.WriteHeader(http.StatusUnauthorized)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}})
	host = s.host
	ref := refAt(s.host, "v1.0.0")
	if _, err := New(fast()).Push(t.Context(), ref, assembled(t, metadata(), simple(amd64, "a"))); err != nil {
		t.Fatal(err)
	}
	s.Forget()
	c := New(withAccount("ci", "hunter2"))
	tagsAndLook(t, c, ref)
	tagsAndLook(t, c, ref)
	read := []string{"GET tags", "GET manifests", "GET blobs"}
	s.wantAsked(t, "with tokens", append(append([]string{"GET v2", "GET token"}, read...), read...)...)
}

// A host that speaks plain HTTP is asked for TLS once in a process. A failure of TLS counts only after an answer without it: a server with TLS may
// just not be up yet.
func TestPlainHTTPIsRemembered(t *testing.T) {
	var asked []string
	down := errors.New("down")
	answers := map[string]error{"https": down, "http": down}
	h := remembering(roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Scheme)
		if err := answers[r.URL.Scheme]; err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}), func(host string) bool { return host == "plain.example" })
	ask := func(host string) string {
		asked = nil
		var got []string
		for _, scheme := range []string{"https", "http"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+"://"+host+"/v2/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := h.RoundTrip(r)
			if err == nil {
				resp.Body.Close()
			}
			got = append(got, fmt.Sprint(err == nil))
		}
		return strings.Join(append(asked, got...), " ")
	}
	for i, c := range []struct {
		host string
		up   string // a scheme that answers from now on
		want string
	}{
		{"plain.example", "", "https http false false"},
		{"plain.example", "http", "https http false true"},
		{"plain.example", "", "false true"},
		{"tls.example", "https", "https http true true"},
		{"tls.example", "", "true true"},
	} {
		if c.up != "" {
			answers[c.up] = nil
		}
		if got := ask(c.host); got != c.want {
			t.Errorf("%d: %s: %s, want %s", i, c.host, got, c.want)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
