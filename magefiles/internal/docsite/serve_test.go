package docsite

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// entry is one entry of an archive. A name that ends with "/" is a folder.
type entry struct {
	name, content string
	kind          byte // of tar; 0 is a file or folder
}

// pack makes a .tar.gz. All times are the same, as in reproducible archives.
func pack(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o600, Typeflag: e.kind, ModTime: time.Unix(1_700_000_000, 0)}
		switch {
		case e.kind != 0:
			h.Linkname = e.content
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag = tar.TypeDir
		default:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(e.content))
		}
		must(t, w.WriteHeader(h))
		if h.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, e.content)
			must(t, err)
		}
	}
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

// unpacked is the content of an archive.
func unpacked(t *testing.T, entries ...entry) *Content {
	t.Helper()
	dir := t.TempDir()
	c, err := Unpack(dir, bytes.NewReader(pack(t, entries...)), MaxUnpacked)
	must(t, err)
	t.Cleanup(func() {
		must(t, c.Close())
		wantEmpty(t, dir)
	})
	return c
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// get requests a path unchanged.
func get(c *Content, method, target string, header ...string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, "http://site"+target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	c.Page(r.URL.Path).ServeHTTP(w, r)
	return w
}

// site is a site like those of Quartz: pages without their suffix in links, folders with an index page.
func site(t *testing.T) *Content {
	return unpacked(t,
		entry{name: "./"},
		entry{name: "./index.html", content: "home"},
		entry{name: "./404.html", content: "not here"},
		entry{name: "./about.html", content: "about"},
		entry{name: "./a page.html", content: "spaces"},
		entry{name: "./guides/"},
		entry{name: "./guides/index.html", content: "guides"},
		entry{name: "./guides/first.html", content: "first"},
		entry{name: "./tags/go.html", content: "go"}, // no entry for its folder
		entry{name: "./.git/config", content: "[remote]"},
		entry{name: "./.well-known/security.txt", content: "contact"},
		entry{name: "./static/icon.png", content: "png"},
		entry{name: "./static/text.woff2", content: "font"},
		entry{name: "./static/contentIndex.json", content: "{}"},
	)
}

// page is a line of containers/quartz/testdata/pages.txt.
type page struct {
	status     int
	path, says string
}

// pages reads the table that nginx and this package must both agree with.
func pages(t *testing.T) []page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "containers", "quartz", "testdata", "pages.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []page
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if strings.HasPrefix(line, "#") {
			continue
		}
		status, err := strconv.Atoi(fields[0])
		if err != nil || len(fields) != 3 {
			t.Fatalf("line %q of the table: expected STATUS PATH TEXT", line)
		}
		all = append(all, page{status, fields[1], fields[2]})
	}
	return all
}

func TestPages(t *testing.T) {
	c := site(t)
	for _, want := range pages(t) {
		got := get(c, http.MethodGet, want.path)
		if got.Code != want.status || want.says != "-" && got.Body.String() != want.says {
			t.Errorf("GET %s: %d %q, want %d %q", want.path, got.Code, got.Body, want.status, want.says)
		}
		if got.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: no X-Content-Type-Options", want.path)
		}
	}
	for _, target := range []string{"/guides", "/tags"} {
		if got := get(c, http.MethodGet, target+"?x=1"); got.Code != 301 || got.Header().Get("Location") != target+"/?x=1" {
			t.Errorf("GET %s: %d to %q, want 301 to its slash without host and port", target, got.Code, got.Header().Get("Location"))
		}
	}
	if got := get(c, http.MethodPost, "/"); got.Code != 405 {
		t.Errorf("POST: %d, want 405", got.Code)
	}
	if got := get(c, http.MethodHead, "/missing"); got.Code != 404 || got.Body.Len() > 0 {
		t.Errorf("HEAD of a missing page: %d %q", got.Code, got.Body)
	}
	if got := get(nil, http.MethodGet, "/"); got.Code != 404 {
		t.Errorf("without content: %d, want 404", got.Code)
	}
}

func TestCaching(t *testing.T) {
	c := site(t)
	for target, want := range map[string]string{
		"/": "no-cache", "/about": "no-cache", "/static/contentIndex.json": "no-cache", "/missing": "no-cache",
		"/static/icon.png": "public, max-age=86400", "/static/text.woff2": "public, max-age=86400",
	} {
		if got := get(c, http.MethodGet, target).Header().Get("Cache-Control"); got != want {
			t.Errorf("GET %s: Cache-Control %q, want %q", target, got, want)
		}
	}
	page := get(c, http.MethodGet, "/about")
	if got := page.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	tag := page.Header().Get("ETag")
	if again := get(c, http.MethodGet, "/about", "If-None-Match", tag); tag == "" || again.Code != http.StatusNotModified {
		t.Errorf("ETag %q: %d, want 304", tag, again.Code)
	}
	if modified, err := http.ParseTime(page.Header().Get("Last-Modified")); err != nil || time.Since(modified) > time.Hour {
		t.Errorf("Last-Modified %v, %v: want the time of unpacking, not the archive's", modified, err)
	}
}

// A page that is being sent is sent to its end, even if its release is removed.
func TestPageOutlivesItsContent(t *testing.T) {
	c, err := Unpack(t.TempDir(), bytes.NewReader(pack(t, entry{name: "index.html", content: "home"})), MaxUnpacked)
	must(t, err)
	page := c.Page("/")
	must(t, c.Close())
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != 200 || w.Body.String() != "home" {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func TestRefusedArchives(t *testing.T) {
	index := entry{name: "index.html", content: "x"}
	whole := pack(t, index)
	for name, c := range map[string]struct {
		archive []byte
		says    string
	}{
		"not gzip":          {[]byte("<html>"), "damaged or not gzip"},
		"cut short":         {whole[:len(whole)-9], "damaged"},
		"no index":          {pack(t, entry{name: "public/index.html", content: "x"}), "no index.html"},
		"index is a folder": {pack(t, entry{name: "index.html/"}), "no index.html"},
		"parent":            {pack(t, index, entry{name: "../../outside", content: "x"}), "outside the site"},
		"parent inside":     {pack(t, index, entry{name: "a/../../../outside", content: "x"}), "outside the site"},
		"absolute":          {pack(t, index, entry{name: "/tmp/quartz-test-outside", content: "x"}), "outside the site"},
		"symbolic link":     {pack(t, index, entry{name: "etc", content: "/etc", kind: tar.TypeSymlink}), "neither a file nor a folder"},
		"hard link":         {pack(t, index, entry{name: "copy", content: "index.html", kind: tar.TypeLink}), "neither a file nor a folder"},
		"named pipe":        {pack(t, index, entry{name: "pipe", kind: tar.TypeFifo}), "neither a file nor a folder"},
		"file as folder":    {pack(t, index, entry{name: "index.html/a", content: "x"}), "cannot be unpacked"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := Unpack(dir, bytes.NewReader(c.archive), MaxUnpacked); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
			wantEmpty(t, dir)
			for _, outside := range []string{"/tmp/quartz-test-outside", filepath.Join(dir, "../outside"), filepath.Join(dir, "outside")} {
				if _, err := os.Lstat(outside); err == nil {
					t.Errorf("%s was written", outside)
				}
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	archive := pack(t, entry{name: "index.html", content: "1234"}, entry{name: "a", content: "5678"})
	for most, wanted := range map[int64]bool{8: true, 7: false} {
		c, err := Unpack(t.TempDir(), bytes.NewReader(archive), most)
		if (err == nil) != wanted || err != nil && !strings.Contains(err.Error(), "too large: with a") {
			t.Errorf("at most %d bytes: %v", most, err)
		}
		if err == nil {
			must(t, c.Close())
		}
	}
}

// FuzzUnpack: from any archive, only files and folders are written, and only below its own folder.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{})
	for _, name := range []string{"index.html", "a/b/../c", "./.", "//", "index.html/", "\x00"} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: 1}); err == nil {
			_, _ = w.Write([]byte("x"))
		}
		_ = w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		var b bytes.Buffer
		zip := gzip.NewWriter(&b)
		_, _ = zip.Write(archive)
		must(t, zip.Close())
		outer := t.TempDir()
		dir := filepath.Join(outer, "dir")
		must(t, os.Mkdir(dir, 0o700))
		c, err := Unpack(dir, &b, 1<<20)
		if err == nil {
			if get(c, http.MethodGet, "/").Code != 200 {
				t.Error("what was unpacked has no index page")
			}
			must(t, c.Close())
		}
		wantEmpty(t, dir)
		must(t, os.Remove(dir))
		wantEmpty(t, outer)
	})
}
