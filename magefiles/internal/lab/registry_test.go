package lab

import (
	"archive/tar"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

func startRegistry(t *testing.T, o RegistryOptions) *Registry {
	t.Helper()
	return startRegistryIn(t, Home{Log: func(line string) { t.Log(line) }}, o)
}

func startRegistryIn(t *testing.T, h Home, o RegistryOptions) *Registry {
	t.Helper()
	r, err := StartRegistry(t.Context(), h, o)
	must(t, err)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

// tinyLayout is an image of one file.
func tinyLayout(t *testing.T, content string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	err := baseimage.WriteLayout(dir, v1.ImageConfig{}, "", func(w io.Writer) error {
		tw := tar.NewWriter(w)
		if err := tw.WriteHeader(&tar.Header{Name: "a", Mode: 0o644, Size: int64(len(content))}); err != nil {
			return err
		}
		if _, err := io.WriteString(tw, content); err != nil {
			return err
		}
		return tw.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// ask sends a request as user, "" for anonymous; the password is the name.
func ask(t *testing.T, r *Registry, method, path, user string, body []byte) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL()+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		req.SetBasicAuth(user, user)
	}
	req.Header.Set("Accept", v1.MediaTypeImageManifest)
	req.Header.Set("Content-Type", v1.MediaTypeImageManifest)
	resp, err := r.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func wantStatus(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: status %d, want %d", what, got, want)
	}
}

func TestSeededImageCanBeRead(t *testing.T) {
	for name, o := range map[string]RegistryOptions{"http": {}, "https": {TLS: true}, "users": {Users: map[string]string{"u": "u"}}} {
		t.Run(name, func(t *testing.T) {
			r := startRegistry(t, o)
			if err := r.Seed(t.Context(), "library/tiny:v1", tinyLayout(t, "one")); err != nil {
				t.Fatal(err)
			}
			status, text := ask(t, r, http.MethodGet, "/v2/library/tiny/manifests/v1", "u", nil)
			wantStatus(t, "manifest", status, 200)
			var manifest v1.Manifest
			if err := json.Unmarshal(text, &manifest); err != nil {
				t.Fatal(err)
			}
			status, blob := ask(t, r, http.MethodGet, "/v2/library/tiny/blobs/"+manifest.Layers[0].Digest.String(), "u", nil)
			wantStatus(t, "layer", status, 200)
			if int64(len(blob)) != manifest.Layers[0].Size {
				t.Errorf("the layer has %d bytes, the manifest says %d", len(blob), manifest.Layers[0].Size)
			}
		})
	}
}

func TestUsersAreNeeded(t *testing.T) {
	r := startRegistry(t, RegistryOptions{Users: map[string]string{"ci": "ci"}})
	for user, want := range map[string]int{"": 401, "other": 401, "ci": 200} {
		status, _ := ask(t, r, http.MethodGet, "/v2/", user, nil)
		wantStatus(t, "user "+user, status, want)
	}
}

// The answers of Zot v2.1.20 to an account that may only create.
func TestCreateOnly(t *testing.T) {
	r := startRegistry(t, RegistryOptions{CreateOnly: true})
	if err := r.Seed(t.Context(), "a/b:v1", tinyLayout(t, "one")); err != nil {
		t.Fatalf("a new tag: %v", err)
	}
	_, manifest := ask(t, r, http.MethodGet, "/v2/a/b/manifests/v1", "", nil)
	desc, _, _, err := baseimage.ReadManifest(tinyLayout(t, "one"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, method, path string
		want               int
	}{
		{"the identical manifest again", http.MethodPut, "/v2/a/b/manifests/v1", 403},
		{"the same by digest", http.MethodPut, "/v2/a/b/manifests/" + desc.Digest.String(), 201},
		{"another new tag", http.MethodPut, "/v2/a/b/manifests/v2", 201},
		{"delete", http.MethodDelete, "/v2/a/b/manifests/v1", 403},
		{"read", http.MethodGet, "/v2/a/b/manifests/v1", 200},
	} {
		status, _ := ask(t, r, c.method, c.path, "", manifest)
		wantStatus(t, c.what, status, c.want)
	}
	if err := r.Seed(t.Context(), "a/b:v1", tinyLayout(t, "two")); err == nil {
		t.Error("a tag was moved")
	}
}

func TestRequestsAreCounted(t *testing.T) {
	r := startRegistry(t, RegistryOptions{Users: map[string]string{"ci": "ci"}})
	layout := tinyLayout(t, "one")
	if err := r.Seed(t.Context(), "a/b:v1", layout); err != nil {
		t.Fatal(err)
	}
	_, manifest, _, err := baseimage.ReadManifest(layout)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.UploadedBytes(), manifest.Config.Size+manifest.Layers[0].Size; got != want {
		t.Errorf("uploaded %d bytes, want %d", got, want)
	}
	requests := r.Requests()
	last := requests[len(requests)-1]
	if last.Method != http.MethodPut || last.Path != "/v2/a/b/manifests/v1" || last.User != "ci" || last.Status != 201 {
		t.Errorf("last request: %+v", last)
	}
	r.Forget()
	ask(t, r, http.MethodGet, "/v2/a/b/blobs/"+manifest.Layers[0].Digest.String(), "ci", nil)
	if requests := r.Requests(); len(requests) != 1 || requests[0].Sent != manifest.Layers[0].Size {
		t.Errorf("after Forget and a read: %+v", requests)
	}
}

func TestWrapSeesRequestsFirst(t *testing.T) {
	r := startRegistry(t, RegistryOptions{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, req)
		})
	}})
	if err := r.Seed(t.Context(), "a/b:v1", tinyLayout(t, "one")); err == nil {
		t.Error("an upload went through")
	}
	status, _ := ask(t, r, http.MethodGet, "/v2/", "", nil)
	wantStatus(t, "the rest", status, 200)
}

func TestCertificateAuthority(t *testing.T) {
	r := startRegistry(t, RegistryOptions{TLS: true})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(r.CA) {
		t.Fatalf("CA is not a PEM certificate: %s", r.CA)
	}
	conn, err := tls.Dial("tcp", r.Addr, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatalf("with the CA: %v", err)
	}
	conn.Close()
	if conn, err := tls.Dial("tcp", r.Addr, nil); err == nil {
		conn.Close()
		t.Error("trusted without the CA")
	}
}

// Addresses in a registry's answers lead to the fault proxy.
func TestLocationsLeadToTheFront(t *testing.T) {
	for _, o := range []RegistryOptions{{}, {TLS: true}} {
		r := startRegistry(t, o)
		resp, err := r.Client().Post(r.URL()+"/v2/a/b/blobs/uploads/", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if location := resp.Header.Get("Location"); !strings.HasPrefix(location, r.URL()+"/v2/a/b/") {
			t.Errorf("upload to %s, want it below %s", location, r.URL())
		}
	}
}

// Of many requests that make the same tag at the same time, one succeeds.
func TestCreateOnlyHasOneWinner(t *testing.T) {
	r := startRegistry(t, RegistryOptions{CreateOnly: true})
	must(t, r.Seed(t.Context(), "a/b:v1", tinyLayout(t, "one")))
	_, manifest := ask(t, r, http.MethodGet, "/v2/a/b/manifests/v1", "", nil)
	var made, refused atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.URL()+"/v2/a/b/manifests/v2", bytes.NewReader(manifest))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", v1.MediaTypeImageManifest)
			resp, err := r.Client().Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusCreated:
				made.Add(1)
			case http.StatusForbidden:
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 || refused.Load() != 7 {
		t.Errorf("%d made the tag and %d were refused, want 1 and 7", made.Load(), refused.Load())
	}
}

func TestSeedingAgainWritesNothing(t *testing.T) {
	r := startRegistry(t, RegistryOptions{CreateOnly: true, Users: map[string]string{"ci": "ci"}})
	layout := tinyLayout(t, "one")
	must(t, r.Seed(t.Context(), "a/b:v1", layout))
	r.Forget()
	must(t, r.Seed(t.Context(), "a/b:v1", layout))
	if requests := r.Requests(); len(requests) != 1 || requests[0].Method != http.MethodHead {
		t.Errorf("seeding again asked %+v, want one look", requests)
	}
}

func TestStateIsKept(t *testing.T) {
	h := Home{Dir: t.TempDir()}
	options := RegistryOptions{Users: map[string]string{"u": "u"}}
	first := startRegistryIn(t, h, options)
	must(t, first.Seed(t.Context(), "a/b:v1", tinyLayout(t, "one")))
	must(t, first.Close())
	options.Addr = first.Addr
	second := startRegistryIn(t, h, options)
	if second.URL() != first.URL() || !strings.HasPrefix(second.Log(), h.Dir) {
		t.Errorf("the second is at %s and logs to %s", second.URL(), second.Log())
	}
	status, _ := ask(t, second, http.MethodGet, "/v2/a/b/manifests/v1", "u", nil)
	wantStatus(t, "what the first got", status, 200)
}

func TestTwoRegistriesSideBySide(t *testing.T) {
	one, other := startRegistry(t, RegistryOptions{}), startRegistry(t, RegistryOptions{})
	must(t, one.Seed(t.Context(), "a/b:v1", tinyLayout(t, "one")))
	for r, want := range map[*Registry]int{one: 200, other: 404} {
		status, _ := ask(t, r, http.MethodGet, "/v2/a/b/manifests/v1", "", nil)
		wantStatus(t, r.Addr, status, want)
	}
}

func TestFaultsOfARegistry(t *testing.T) {
	r := startRegistry(t, RegistryOptions{})
	layout := tinyLayout(t, "one")
	r.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Drop, Method: http.MethodPut, Path: regexp.MustCompile(`/manifests/`), Times: 1})
	if err := r.Seed(t.Context(), "a/b:v1", layout); err != nil {
		t.Errorf("a manifest that is dropped: %v, want success", err)
	}
	status, _ := ask(t, r, http.MethodGet, "/v2/a/b/manifests/v1", "", nil)
	wantStatus(t, "afterwards", status, 404)
	r.Proxy().Fail(faultproxy.Fault{Kind: faultproxy.CutRequest, Times: 1})
	if err := r.Seed(t.Context(), "a/b:v1", layout); err == nil {
		t.Error("an upload that is cut went well")
	}
	must(t, r.Seed(t.Context(), "a/b:v1", layout))
}

// A registry whose port was taken in the meantime reports that, and another registry there is not taken for it.
func TestTakenPort(t *testing.T) {
	r := startRegistry(t, RegistryOptions{})
	path, err := Home{}.build(t.Context(), registryProgram)
	must(t, err)
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	second := &Registry{dir: t.TempDir(), proxy: r.proxy}
	taken, err := second.startOn(t.Context(), path, stranger.Listener.Addr().String())
	if !taken || err == nil {
		t.Errorf("on a port that is taken: taken %v, %v", taken, err)
	}
}

func TestRegistryLogsWarnings(t *testing.T) {
	r := startRegistry(t, RegistryOptions{Users: map[string]string{"ci": "ci"}})
	ask(t, r, http.MethodGet, "/v2/", "other", nil)
	text, err := os.ReadFile(r.Log())
	must(t, err)
	if !strings.Contains(string(text), "level=warning") || strings.Contains(string(text), "level=info") {
		t.Errorf("log, want warnings and no more:\n%s", text)
	}
}

func TestPortInUseAndCleanup(t *testing.T) {
	r := startRegistry(t, RegistryOptions{})
	if second, err := StartRegistry(t.Context(), Home{}, RegistryOptions{Addr: r.Addr}); err == nil {
		second.Close()
		t.Errorf("two registries listen on %s", r.Addr)
	}
	must(t, r.Close())
	if _, err := os.Stat(r.dir); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is left: %v", err)
	}
	if r.process.running() {
		t.Error("the process still runs")
	}
}

// BenchmarkStartRegistry is the cost of a registry for a test.
func BenchmarkStartRegistry(b *testing.B) {
	for b.Loop() {
		r, err := StartRegistry(b.Context(), Home{}, RegistryOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
