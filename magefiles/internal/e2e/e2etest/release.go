package e2etest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

// ReleaseResult is what docs:release -format=json says.
type ReleaseResult struct {
	Version, Status, Commit, URL, SHA256, Page string
}

// Release runs docs:release, which must succeed.
func (h *Homelab) Release(args ...string) ReleaseResult {
	h.T.Helper()
	got := h.Run(append([]string{"docs:release"}, append(args, "-format=json")...)...)
	if got.Status != 0 {
		h.T.Fatalf("docs:release %v: status %d\n%s%s", args, got.Status, got.Stdout, got.Stderr)
	}
	h.Said = got.Stderr
	var result ReleaseResult
	if err := json.Unmarshal([]byte(got.Stdout), &result); err != nil {
		h.T.Fatalf("docs:release %v: %v\n%s", args, err, got.Stdout)
	}
	return result
}

// WantRelease checks all that a release leaves, and that there is one of each.
func (h *Homelab) WantRelease(version string) {
	h.T.Helper()
	forge := h.Lab.Forge
	h.Git("fetch", "--quiet", "--tags", "origin")
	commit := h.Git("rev-parse", version+"^{commit}")
	if head := h.Git("rev-parse", "origin/main"); head != commit {
		h.T.Errorf("%s: main is at %s, the tag on %s", version, head, commit)
	}
	if n := strings.Count(h.Git("log", "--format=%s", "origin/main")+"\n", "Release docs "+version+" [skip ci]\n"); n != 1 {
		h.T.Errorf("%s: %d commits", version, n)
	}
	if n := strings.Count(h.Git("show", commit+":CHANGELOG.md"), "["+version+"]"); n != 1 {
		h.T.Errorf("%s: %d sections", version, n)
	}
	if left := h.Git("ls-tree", "-r", "--name-only", commit, "docs/changelog.d"); strings.Contains(left, ".md") {
		h.T.Errorf("%s: fragments are left: %s", version, left)
	}
	manifest := h.Git("show", commit+":argocd/manifests/docs/deployment.yaml")
	named := regexp.MustCompile(`value: (http\S+/docs/` + regexp.QuoteMeta(version) + `/\S+)`).FindStringSubmatch(manifest)
	if named == nil {
		h.T.Fatalf("%s: the manifest\n%s", version, manifest)
	}
	var page struct {
		Body  string
		Draft bool
	}
	api := "/api/v1/repos/" + forge.Owner + "/blumeops"
	if err := forge.API(h.T.Context(), http.MethodGet, api+"/releases/tags/"+version, "", nil, &page); err != nil || page.Draft || !strings.Contains(page.Body, "### ") {
		h.T.Errorf("%s: announced %+v, %v", version, page, err)
	}
	if serving := h.Lab.Site.Serving(); serving.URL != named[1] || !strings.Contains(manifest, serving.SHA256) {
		h.T.Errorf("%s: the site serves %+v", version, serving)
	}
	if head := h.Git("rev-parse", "HEAD"); head != commit || h.Git("status", "--porcelain") != "" {
		h.T.Errorf("%s: the checkout is at %s, %q", version, head, h.Git("status", "--porcelain"))
	}
	var files []struct{ Name string }
	if err := forge.API(h.T.Context(), http.MethodGet, "/api/v1/packages/"+forge.Owner+"/generic/docs/"+version+"/files", h.Env["BLUMEOPS_FORGE_TOKEN"], nil, &files); err != nil || len(files) != 2 {
		h.T.Errorf("%s: files %v, %v", version, files, err)
	}
}

// NextVersion is the version that a patch makes.
func (h *Homelab) NextVersion() string {
	h.T.Helper()
	tags := strings.Fields(h.Git("ls-remote", "--tags", "--refs", "origin"))
	highest := -1
	for _, tag := range tags {
		var patch int
		if _, err := fmt.Sscanf(tag, "refs/tags/v0.1.%d", &patch); err == nil {
			highest = max(highest, patch)
		}
	}
	return fmt.Sprintf("v0.1.%d", highest+1)
}

// Moment is a kind of request at which mage is killed.
type Moment struct {
	Server, Method string
	Path           *regexp.Regexp
	After          bool // the server has answered
}

// Before is the moment at which a server gets a kind of request.
func Before(front, method, path string) Moment {
	return Moment{front, method, regexp.MustCompile(path), false}
}

// After is the moment at which a server has done what a kind of request asks, and mage has not heard of it.
func After(front, method, path string) Moment {
	return Moment{front, method, regexp.MustCompile(path), true}
}

func (m Moment) String() string {
	when := "before"
	if m.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s %s", when, m.Server, m.Method, m.Path)
}

// Kill runs a target that is killed at a moment; it reports whether the moment came.
func (h *Homelab) Kill(t testing.TB, m Moment, args ...string) bool {
	t.Helper()
	cmd := h.Command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var killed atomic.Bool
	restore := h.Proxies()[m.Server].Fail(faultproxy.Fault{
		Kind: faultproxy.Custom, Method: m.Method, Path: m.Path, Times: 1,
		Match: func(q *http.Request) bool { // not the questions of the preflight, which have to be refused
			return m.Server != "forge" || m.Method != http.MethodPost || !strings.HasSuffix(q.URL.Path, "/releases") || q.ContentLength > 2
		},
		Serve: func(next http.Handler, w http.ResponseWriter, q *http.Request) {
			if m.After {
				body, err := io.ReadAll(q.Body) // nothing of it is lost with the process
				if err != nil {
					t.Error(err)
				}
				q.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(httptest.NewRecorder(), q.WithContext(context.WithoutCancel(q.Context())))
			}
			killed.Store(true) // before its end, which is when this is read
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		},
	})
	defer restore()
	begun := time.Now()
	err := cmd.Run()
	if err == nil || time.Since(begun) > Patience {
		t.Logf("%s: %v\n%s", m, err, out.String())
	}
	return killed.Load()
}

// Archive is what the site's archive of a version holds, unpacked.
func (h *Homelab) Archive(t testing.TB, version string) []byte {
	t.Helper()
	serving := h.Lab.Site.Serving()
	if !strings.Contains(serving.URL, "/"+version+"/") {
		t.Fatalf("the site serves %s, not %s", serving.URL, version)
	}
	resp, err := http.Get(serving.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	file := filepath.Join(t.TempDir(), "site.tar.gz")
	packed, err := io.ReadAll(resp.Body)
	if err == nil {
		err = os.WriteFile(file, packed, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := exec.Command("tar", "--extract", "--gzip", "--to-stdout", "--file="+file).Output()
	if err != nil || len(unpacked) == 0 {
		t.Fatalf("tar: %v", err)
	}
	return append(packed, unpacked...)
}
