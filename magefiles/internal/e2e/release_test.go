package e2e

import (
	"bytes"
	"context"
	"io"
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
		{"dry run", h.testDryRun}, {"release", h.testRelease}, {"rollback", h.testRollback}, {"estate", h.testEstate}, {"promote", h.testPromote},
		{"killed", h.testKilled},
		{"faults", h.testFaults}, {"lies", h.testLies}, {"old site", h.testOldSite}, {"two at once", h.testTwoAtOnce}, {"canaries", h.testCanaries}, {"tag", h.testTag},
	} {
		t.Run(part.name, func(t *testing.T) {
			h.t = t
			part.test(t)
		})
	}
}

func (h *homelab) testDryRun(t *testing.T) {
	for _, f := range h.fronts() {
		f.Forget()
	}
	got := h.run("docs:release", "minor", "-dryrun")
	if got.status != 0 || got.stdout != "v0.1.0\n" || !strings.Contains(got.stderr, "would push main and v0.1.0 in one step") {
		t.Fatalf("status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	for name, f := range h.fronts() {
		for _, q := range f.Requests() {
			harmless := q.Method == http.MethodGet || q.Method == http.MethodHead ||
				strings.HasSuffix(q.Path, "/git-upload-pack") || // a fetch
				q.Status >= 400 && q.Status < 500 // a question that has to be refused
			if !harmless {
				t.Errorf("%s: %s %s: %d", name, q.Method, q.Path, q.Status)
			}
		}
	}
	if tags := h.git("ls-remote", "--tags", "origin"); tags != "" || h.git("status", "--porcelain") != "" {
		t.Errorf("tags %q, changes %q", tags, h.git("status", "--porcelain"))
	}
}

func (h *homelab) testRelease(t *testing.T) {
	output := filepath.Join(h.work, "output")
	h.env["GITHUB_OUTPUT"] = output
	defer delete(h.env, "GITHUB_OUTPUT")
	got := h.release("BUMP_MINOR")
	t.Log(h.said)
	if got.Version != "v0.1.0" || got.Status != "released" || got.Page == "" {
		t.Errorf("got %+v", got)
	}
	h.whole("v0.1.0")
	site := h.archive(t, "v0.1.0")
	for _, text := range []string{`data-slug="CHANGELOG"`, ">[v0.1.0] - ", "The docs are released in a test."} {
		if !bytes.Contains(site, []byte(text)) {
			t.Errorf("the site's changelog lacks %s", text)
		}
	}
	for _, object := range []string{"v0.1.0^{commit}", "v0.1.0^{tag}"} {
		if text := h.git("cat-file", "-p", object); !strings.Contains(text, "-----BEGIN SSH SIGNATURE-----") {
			t.Errorf("%s is not signed:\n%s", object, text)
		}
	}
	// Once for this release, and not at all for the dry run before it.
	if hooked, err := os.ReadFile(filepath.Join(h.work, "hooked")); err != nil || string(hooked) != "hooked\n" {
		t.Errorf("the hook left %q, %v", hooked, err)
	}
	text, err := os.ReadFile(output)
	if err != nil || !strings.Contains(string(text), "version=v0.1.0\n") || !strings.Contains(string(text), "sha256="+got.SHA256+"\n") {
		t.Errorf("GITHUB_OUTPUT: %v\n%s", err, text)
	}
	if again := h.release("patch"); again.Status != "unchanged" || again.Version != "v0.1.0" || again.SHA256 != got.SHA256 {
		t.Errorf("again: %+v", again)
	}
	h.whole("v0.1.0")
	if refused := h.run("docs:release", "v0.0.9"); refused.status != 2 || !strings.Contains(refused.stderr, "v0.0.9 comes before v0.1.0") {
		t.Errorf("status %d\n%s", refused.status, refused.stderr)
	}
}

func (h *homelab) testRollback(t *testing.T) {
	h.push("second")
	if got := h.release("patch"); got.Version != "v0.1.1" {
		t.Fatalf("got %+v", got)
	}
	h.whole("v0.1.1")
	if out := h.mage("docs:rollback", "v0.1.0"); out != "v0.1.0" && out != "v0.1.0\n" {
		t.Errorf("docs:rollback says %q", out)
	}
	if serving := h.lab.Site.Serving(); !strings.Contains(serving.URL, "/docs/v0.1.0/") {
		t.Errorf("the site serves %+v", serving)
	}
	if out := h.mage("docs:rollback", "v0.1.1"); !strings.HasPrefix(out, "v0.1.1") || !strings.Contains(h.lab.Site.Serving().URL, "/docs/v0.1.1/") {
		t.Errorf("%q, the site serves %+v", out, h.lab.Site.Serving())
	}
}

// testCanaries looks for the tokens where they must not be.
func (h *homelab) testCanaries(t *testing.T) {
	h.push("canaries")
	watched, arguments := context.WithCancel(t.Context())
	seen := make(chan []byte)
	go func() { seen <- allArguments(watched) }()
	got := h.run("-v", "docs:release", "patch")
	arguments()
	if got.status != 0 {
		t.Fatalf("status %d\n%s%s", got.status, got.stdout, got.stderr)
	}
	places := map[string][]byte{"output": []byte(got.stdout + got.stderr), "arguments": <-seen}
	for _, dir := range []string{filepath.Join(h.work, "cache"), filepath.Join(h.work, "tmp"), filepath.Join(h.work, "home"), filepath.Join(h.repo, ".git")} {
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
	cmd.Dir, cmd.Env = h.repo, h.env.list()
	objects, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	places["git objects"] = objects
	places["package"] = h.archive(t, strings.TrimSpace(got.stdout))
	for _, name := range []string{"BLUMEOPS_FORGE_TOKEN", "ARGOCD_AUTH_TOKEN", "BLUMEOPS_SIGNING_KEY"} {
		lines := strings.Split(strings.TrimSpace(h.env[name]), "\n")
		secret := []byte(lines[len(lines)/2]) // of a key, what is between its first line and its last
		if len(secret) < 20 {
			t.Fatalf("%s is %q", name, h.env[name])
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

// archive is what the site's archive of a version holds, unpacked.
func (h *homelab) archive(t testing.TB, version string) []byte {
	t.Helper()
	serving := h.lab.Site.Serving()
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
