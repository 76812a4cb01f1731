package release

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDocsRelease(t *testing.T) {
	h := newHomelab(t)
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"dry run", h.testDryRun}, {"release", h.testRelease}, {"rollback", h.testRollback},
		{"killed", h.testKilled},
		{"faults", h.testFaults}, {"lies", h.testLies}, {"old site", h.testOldSite}, {"two at once", h.testTwoAtOnce}, {"canaries", h.testCanaries},
	} {
		t.Run(part.name, func(t *testing.T) {
			h.T = t
			part.test(t)
		})
	}
}

func (h *homelab) testDryRun(t *testing.T) {
	for _, f := range h.Proxies() {
		f.Forget()
	}
	got := h.Run("docs:release", "minor", "-dryrun")
	if got.Status != 0 || got.Stdout != "v0.1.0\n" || !strings.Contains(got.Stderr, "would push main and v0.1.0 in one step") {
		t.Fatalf("status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
	}
	for name, f := range h.Proxies() {
		for _, q := range f.Requests() {
			harmless := q.Method == http.MethodGet || q.Method == http.MethodHead ||
				strings.HasSuffix(q.Path, "/git-upload-pack") || // a fetch
				q.Status >= 400 && q.Status < 500 // a question that has to be refused
			if !harmless {
				t.Errorf("%s: %s %s: %d", name, q.Method, q.Path, q.Status)
			}
		}
	}
	if tags := h.Git("ls-remote", "--tags", "origin"); tags != "" || h.Git("status", "--porcelain") != "" {
		t.Errorf("tags %q, changes %q", tags, h.Git("status", "--porcelain"))
	}
}

func (h *homelab) testRelease(t *testing.T) {
	output := filepath.Join(h.Dir, "output")
	h.Env["GITHUB_OUTPUT"] = output
	defer delete(h.Env, "GITHUB_OUTPUT")
	got := h.Release("BUMP_MINOR")
	t.Log(h.Said)
	if got.Version != "v0.1.0" || got.Status != "released" || got.Page == "" {
		t.Errorf("got %+v", got)
	}
	h.WantRelease("v0.1.0")
	site := h.Archive(t, "v0.1.0")
	for _, text := range []string{`data-slug="CHANGELOG"`, ">[v0.1.0] - ", "The docs are released in a test."} {
		if !bytes.Contains(site, []byte(text)) {
			t.Errorf("the site's changelog does not contain %s", text)
		}
	}
	for _, object := range []string{"v0.1.0^{commit}", "v0.1.0^{tag}"} {
		if text := h.Git("cat-file", "-p", object); !strings.Contains(text, "-----BEGIN SSH SIGNATURE-----") {
			t.Errorf("%s is not signed:\n%s", object, text)
		}
	}
	// Once for this release, and not at all for the dry run before it.
	if hooked, err := os.ReadFile(filepath.Join(h.Dir, "hooked")); err != nil || string(hooked) != "hooked\n" {
		t.Errorf("the hook left %q, %v", hooked, err)
	}
	text, err := os.ReadFile(output)
	if err != nil || !strings.Contains(string(text), "version=v0.1.0\n") || !strings.Contains(string(text), "sha256="+got.SHA256+"\n") {
		t.Errorf("GITHUB_OUTPUT: %v\n%s", err, text)
	}
	if again := h.Release("patch"); again.Status != "unchanged" || again.Version != "v0.1.0" || again.SHA256 != got.SHA256 {
		t.Errorf("again: %+v", again)
	}
	h.WantRelease("v0.1.0")
	if refused := h.Run("docs:release", "v0.0.9"); refused.Status != 2 || !strings.Contains(refused.Stderr, "v0.0.9 is lower than v0.1.0") {
		t.Errorf("status %d\n%s", refused.Status, refused.Stderr)
	}
}

func (h *homelab) testRollback(t *testing.T) {
	h.WriteDocs("second")
	if got := h.Release("patch"); got.Version != "v0.1.1" {
		t.Fatalf("got %+v", got)
	}
	h.WantRelease("v0.1.1")
	if out := h.Mage("docs:rollback", "v0.1.0"); out != "v0.1.0" && out != "v0.1.0\n" {
		t.Errorf("docs:rollback says %q", out)
	}
	if serving := h.Lab.Site.Serving(); !strings.Contains(serving.URL, "/docs/v0.1.0/") {
		t.Errorf("the site serves %+v", serving)
	}
	if out := h.Mage("docs:rollback", "v0.1.1"); !strings.HasPrefix(out, "v0.1.1") || !strings.Contains(h.Lab.Site.Serving().URL, "/docs/v0.1.1/") {
		t.Errorf("%q, the site serves %+v", out, h.Lab.Site.Serving())
	}
}

// testCanaries looks for the tokens where they must not be.
func (h *homelab) testCanaries(t *testing.T) {
	h.WriteDocs("canaries")
	watched, arguments := context.WithCancel(t.Context())
	seen := make(chan []byte)
	go func() { seen <- allArguments(watched) }()
	got := h.Run("-v", "docs:release", "patch")
	arguments()
	if got.Status != 0 {
		t.Fatalf("status %d\n%s%s", got.Status, got.Stdout, got.Stderr)
	}
	places := map[string][]byte{"output": []byte(got.Stdout + got.Stderr), "arguments": <-seen}
	for _, dir := range []string{filepath.Join(h.Dir, "cache"), filepath.Join(h.Dir, "tmp"), filepath.Join(h.Dir, "home"), filepath.Join(h.Repo, ".git")} {
		err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			places[name], err = os.ReadFile(name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", "cat-file", "--batch-all-objects", "--batch")
	cmd.Dir, cmd.Env = h.Repo, h.Env.List()
	objects, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	places["git objects"] = objects
	places["package"] = h.Archive(t, strings.TrimSpace(got.Stdout))
	for _, name := range []string{"BLUMEOPS_FORGE_TOKEN", "ARGOCD_AUTH_TOKEN", "BLUMEOPS_SIGNING_KEY"} {
		lines := strings.Split(strings.TrimSpace(h.Env[name]), "\n")
		secret := []byte(lines[len(lines)/2]) // of a key, what is between its first line and its last
		if len(secret) < 20 {
			t.Fatalf("%s is %q", name, h.Env[name])
		}
		for place, text := range places {
			if bytes.Contains(text, secret) {
				t.Errorf("%s is in %s", name, place)
			}
		}
	}
	if len(places) < 10 || !bytes.Contains(places["arguments"], []byte("docs:release")) {
		t.Errorf("only %d places were looked at", len(places))
	}
}

// allArguments are those of all processes, again and again until ctx ends.
func allArguments(ctx context.Context) []byte {
	all := map[string]bool{}
	for ctx.Err() == nil {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil { // else it has ended
				all[string(text)] = true
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	return []byte(strings.Join(slices.Collect(maps.Keys(all)), "\n"))
}
