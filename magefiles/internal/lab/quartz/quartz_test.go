package quartz

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// pack makes a release with one page.
func pack(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	must(t, w.WriteHeader(&tar.Header{Name: "index.html", Mode: 0o600, Size: 4}))
	_, err := io.WriteString(w, "home")
	must(t, err)
	must(t, w.Close())
	must(t, zip.Close())
	return b.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// release serves bytes and returns their URL and checksum.
func release(t *testing.T, archive []byte) (address, checksum string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive) }))
	t.Cleanup(server.Close)
	sum := sha256.Sum256(archive)
	return server.URL + "/docs-v1.0.0.tar.gz", hex.EncodeToString(sum[:])
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestFetch(t *testing.T) {
	address, checksum := release(t, pack(t))
	dir := t.TempDir()
	for _, stated := range []string{"", checksum, "sha256:" + strings.ToUpper(checksum)} {
		c, err := Fetch(t.Context(), http.DefaultClient, dir, address, stated)
		must(t, err)
		w := httptest.NewRecorder()
		c.Page("/").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != 200 || w.Body.String() != "home" {
			t.Errorf("checksum %q: got %d %q", stated, w.Code, w.Body)
		}
		must(t, c.Close())
		wantEmpty(t, dir)
	}
	whole := pack(t)
	address, _ = release(t, whole[:len(whole)-9])
	if _, err := Fetch(t.Context(), http.DefaultClient, dir, address, ""); err == nil || !strings.Contains(err.Error(), "the archive from "+address+" is damaged") {
		t.Errorf("error %v", err)
	}
	wantEmpty(t, dir)
}

func TestReleasesThatCannotBeHad(t *testing.T) {
	address, _ := release(t, pack(t))
	missing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(missing.Close)
	withToken := strings.Replace(missing.URL, "http://", "http://user:canary@", 1) + "/a.tar.gz?token=canary"
	for name, c := range map[string]struct{ address, checksum, says string }{
		"other checksum":     {address, strings.Repeat("0", 64), "expected 0000"},
		"no checksum at all": {address, "abc", "expected 64 hexadecimal digits"},
		"missing":            {withToken, "", "unexpected response: 404"},
		"nobody there":       {"http://user:canary@127.0.0.1:1/?token=canary", "", "refused"},
		"other scheme":       {"file:///etc/passwd", "", "expected http"},
		"no URL":             {"http://user:canary@[x", "", "cannot fetch"},
	} {
		_, err := Fetch(t.Context(), http.DefaultClient, t.TempDir(), c.address, c.checksum)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}
