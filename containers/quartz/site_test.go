package quartz_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// answer is an answer of nginx, without following redirects.
type answer struct {
	status int
	header http.Header
	body   string
}

func (l *lab) get(path string, header ...string) answer {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, "http://127.0.0.1:"+l.port+path, nil)
	must(l.t, err)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	must(l.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(l.t, err)
	return answer{response.StatusCode, response.Header, string(body)}
}

// quartzSite is a site as Quartz writes it: links without the suffix of pages, folders with an index page.
func quartzSite(t *testing.T) []byte {
	return pack(t,
		entry{name: "./"},
		entry{name: "./index.html", content: "home"},
		entry{name: "./404.html", content: "not here"},
		entry{name: "./about.html", content: "about"},
		entry{name: "./a page.html", content: "spaces"},
		entry{name: "./guides/"},
		entry{name: "./guides/index.html", content: "guides"},
		entry{name: "./guides/first.html", content: "first"},
		entry{name: "./tags/"},
		entry{name: "./tags/go.html", content: "go"},
		entry{name: "./.git/"},
		entry{name: "./.git/config", content: "[remote]"},
		entry{name: "./.well-known/"},
		entry{name: "./.well-known/security.txt", content: "contact"},
		entry{name: "./static/contentIndex.json", content: "{}" + strings.Repeat(" ", 4000)},
		entry{name: "./static/icon.png", content: "png"},
		entry{name: "./static/text.woff2", content: "font"},
		entry{name: "./index.css", content: "body{}"},
	)
}

// page is a line of testdata/pages.txt.
type page struct {
	status     int
	path, says string
}

// pages reads the table that nginx and its stand-in must both match.
func pages(t *testing.T) []page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "pages.txt"))
	must(t, err)
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
	l := newLab(t)
	r := l.serve(release(t, content(quartzSite(t))))
	for _, want := range pages(t) {
		got := l.get(want.path)
		if got.status != want.status || want.says != "-" && got.body != want.says {
			t.Errorf("GET %s: %d %q, want %d %q", want.path, got.status, got.body, want.status, want.says)
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" && got.status != 400 {
			t.Errorf("GET %s: no X-Content-Type-Options", want.path)
		}
	}
	if got := l.get("/healthz"); got.status != 200 || got.body != "ok\n" {
		t.Errorf("GET /healthz: %d %q", got.status, got.body)
	}
	if got := l.get("/guides"); got.status != 301 || got.header.Get("Location") != "/guides/" {
		t.Errorf("GET /guides: %d to %q, want 301 to /guides/ without host and port", got.status, got.header.Get("Location"))
	}
	if log := r.log(); strings.Contains(log, "[warn]") || strings.Contains(log, "[emerg]") {
		t.Errorf("nginx complains:\n%s", log)
	}
	r.quit()
	if log := r.log(); !strings.Contains(log, `"GET /about HTTP/1.1" 200`) || strings.Contains(log, "/healthz") {
		t.Errorf("the access log must have the pages and not the health checks:\n%s", log)
	}
}

func TestCaching(t *testing.T) {
	l := newLab(t)
	l.serve(release(t, content(quartzSite(t))))
	for path, want := range map[string]string{
		"/": "no-cache", "/about": "no-cache", "/index.css": "no-cache", "/static/contentIndex.json": "no-cache", "/missing": "no-cache",
		"/static/icon.png": "public, max-age=86400", "/static/text.woff2": "public, max-age=86400",
	} {
		if got := l.get(path).header.Get("Cache-Control"); got != want {
			t.Errorf("GET %s: Cache-Control %q, want %q", path, got, want)
		}
	}
	page := l.get("/about")
	if tag := page.header.Get("ETag"); tag == "" || l.get("/about", "If-None-Match", tag).status != http.StatusNotModified {
		t.Errorf("ETag %q must be answered with 304", tag)
	}
	if got := page.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	if got := l.get("/static/contentIndex.json", "Accept-Encoding", "gzip"); got.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("the search index is not compressed: %v", got.header)
	}
}

// TestETagsOfTwoReleases checks that two releases with the same times and a page of the same size do not share an ETag.
func TestETagsOfTwoReleases(t *testing.T) {
	l := newLab(t)
	r := l.serve(release(t, content(pack(t, entry{name: "index.html", content: "one"}))))
	first := l.get("/")
	file := filepath.Join(l.dir, "site", "index.html")
	info, err := os.Stat(file)
	must(t, err)
	if info.ModTime().Unix() == 1_700_000_000 {
		t.Errorf("%s has the time of the archive: %v", file, info.ModTime())
	}
	r.quit()
	if first.header.Get("Last-Modified") != info.ModTime().UTC().Format(http.TimeFormat) {
		t.Errorf("Last-Modified %q, want the time of unpacking", first.header.Get("Last-Modified"))
	}
}

func TestHealthNeedsContent(t *testing.T) {
	l := newLab(t)
	l.serve(release(t, content(quartzSite(t))))
	must(t, os.Remove(filepath.Join(l.dir, "site", "index.html")))
	if got := l.get("/healthz"); got.status != 503 || got.body != "no content\n" {
		t.Errorf("without content: %d %q, want 503", got.status, got.body)
	}
}
