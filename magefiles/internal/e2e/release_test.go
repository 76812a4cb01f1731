package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/front"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// homelab is a forge, Argo CD and a site, with this repository's own docs in the forge and in a clone.
type homelab struct {
	*world
	lab  *lab.Lab
	said string // by the latest release that went well, to stderr
}

// released is what of this checkout is in the forge: the docs, their changelog, and the manifests that deploy them.
var released = []string{"docs", "CHANGELOG.md", "towncrier.toml", "argocd/manifests/docs"}

// newHomelab builds with the stand-in for Quartz, so that a build takes seconds and asks no network.
func newHomelab(t *testing.T) *homelab {
	t.Helper()
	labtest.Need(t, lab.PartForge, lab.PartArgoCD)
	registry, node := needBase(t, baseimage.NodeSlim())
	w := newWorld(t)
	w.repo = filepath.Join(w.work, "homelab")
	for _, name := range released {
		if err := copyTree(filepath.Join(setup.root, name), filepath.Join(w.repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.write("docs/changelog.d/+e2e.feature.md", "The docs are released in a test.\n")
	w.write("docs/quartz.layout.ts", "export const shared = { footer: \"a test\" }\n") // all of TypeScript that the stand-in reads
	w.git("init", "--quiet", "--initial-branch=main", ".")
	w.git("add", "--all")
	w.git("commit", "--quiet", "--message=Write the docs")
	up, err := lab.Start(t.Context(), lab.Home{}, lab.Options{Parts: []lab.Part{lab.PartForge, lab.PartArgoCD}, Repository: "blumeops", Checkout: w.repo})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := up.Close(); err != nil {
			t.Errorf("close the lab: %v", err)
		}
	})
	for _, s := range up.Settings() {
		w.env[s.Name] = s.Value
	}
	repository, _, _ := strings.Cut(node, ":")
	for name, value := range map[string]string{
		"BLUMEOPS_MIRRORS": "docker.io/" + repository + "=" + registry + "/" + repository, "BLUMEOPS_DOCS_URL": up.Site.URL(),
		"BLUMEOPS_DOCS_SOURCE":    filepath.Join(setup.root, "magefiles", "internal", "website", "testdata", "quartz"),
		"BLUMEOPS_DEPLOY_TIMEOUT": "1m", "BLUMEOPS_REGISTRY_USER": "none",
	} {
		w.env[name] = value
	}
	h := &homelab{world: w, lab: up}
	w.git("remote", "add", "origin", up.Forge.CloneURL(up.Forge.Owner, "blumeops"))
	w.git("fetch", "--quiet", "origin")
	w.git("branch", "--quiet", "--set-upstream-to=origin/main", "main")
	return h
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rest, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return copyFile(name, filepath.Join(to, rest))
	})
}

// git runs git in the repository and returns what it says.
func (w *world) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = w.repo, w.env.list()
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// push commits a change of the docs with a fragment and pushes it past the front.
func (h *homelab) push(slug string) {
	h.t.Helper()
	h.git("pull", "--quiet", "--ff-only")
	h.write("docs/e2e.md", "---\ntitle: "+slug+"\n---\n\nThis is "+slug+".\n")
	h.write("docs/changelog.d/+"+slug+".feature.md", "There is "+slug+".\n")
	h.git("add", "--all")
	h.git("commit", "--quiet", "--message=Write "+slug)
	if _, err := h.lab.Forge.Push(h.t.Context(), h.lab.Forge.Owner, "blumeops", h.repo, "HEAD"); err != nil {
		cmd := exec.Command("git", "push", "--quiet", "origin", "main")
		cmd.Dir, cmd.Env = h.repo, append(h.env.list(), h.lab.Forge.GitEnv(h.lab.Forge.Owner, h.env["BLUMEOPS_FORGE_TOKEN"])...)
		if out, err := cmd.CombinedOutput(); err != nil {
			h.t.Fatalf("git push: %v\n%s", err, out)
		}
	}
	h.git("fetch", "--quiet", "origin")
}

// releaseResult is what docs:release -format=json says.
type releaseResult struct {
	Version, Status, Commit, URL, SHA256, Page string
}

func (h *homelab) release(args ...string) releaseResult {
	h.t.Helper()
	got := h.run(append([]string{"docs:release"}, append(args, "-format=json")...)...)
	if got.status != 0 {
		h.t.Fatalf("docs:release %v: status %d\n%s%s", args, got.status, got.stdout, got.stderr)
	}
	h.said = got.stderr
	var result releaseResult
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil {
		h.t.Fatalf("docs:release %v: %v\n%s", args, err, got.stdout)
	}
	return result
}

// whole checks all that a release leaves, and that there is one of each.
func (h *homelab) whole(version string) {
	h.t.Helper()
	forge := h.lab.Forge
	h.git("fetch", "--quiet", "--tags", "origin")
	commit := h.git("rev-parse", version+"^{commit}")
	if head := h.git("rev-parse", "origin/main"); head != commit {
		h.t.Errorf("%s: main is at %s, the tag on %s", version, head, commit)
	}
	if n := strings.Count(h.git("log", "--format=%s", "origin/main")+"\n", "Release docs "+version+" [skip ci]\n"); n != 1 {
		h.t.Errorf("%s: %d commits", version, n)
	}
	if n := strings.Count(h.git("show", commit+":CHANGELOG.md"), "["+version+"]"); n != 1 {
		h.t.Errorf("%s: %d sections", version, n)
	}
	if left := h.git("ls-tree", "-r", "--name-only", commit, "docs/changelog.d"); strings.Contains(left, ".md") {
		h.t.Errorf("%s: fragments are left: %s", version, left)
	}
	manifest := h.git("show", commit+":argocd/manifests/docs/deployment.yaml")
	named := regexp.MustCompile(`value: (http\S+/docs/` + regexp.QuoteMeta(version) + `/\S+)`).FindStringSubmatch(manifest)
	if named == nil {
		h.t.Fatalf("%s: the manifest\n%s", version, manifest)
	}
	var page struct {
		Body  string
		Draft bool
	}
	api := "/api/v1/repos/" + forge.Owner + "/blumeops"
	if err := forge.API(h.t.Context(), http.MethodGet, api+"/releases/tags/"+version, "", nil, &page); err != nil || page.Draft || !strings.Contains(page.Body, "### ") {
		h.t.Errorf("%s: announced %+v, %v", version, page, err)
	}
	if serving := h.lab.Site.Serving(); serving.URL != named[1] || !strings.Contains(manifest, serving.SHA256) {
		h.t.Errorf("%s: the site serves %+v", version, serving)
	}
	if head := h.git("rev-parse", "HEAD"); head != commit || h.git("status", "--porcelain") != "" {
		h.t.Errorf("%s: the checkout is at %s, %q", version, head, h.git("status", "--porcelain"))
	}
	var files []struct{ Name string }
	if err := forge.API(h.t.Context(), http.MethodGet, "/api/v1/packages/"+forge.Owner+"/generic/docs/"+version+"/files", h.env["BLUMEOPS_FORGE_TOKEN"], nil, &files); err != nil || len(files) != 2 {
		h.t.Errorf("%s: files %v, %v", version, files, err)
	}
}

// fronts are what mage reaches the lab through.
func (h *homelab) fronts() map[string]*front.Front {
	return map[string]*front.Front{"forge": h.lab.Forge.Front(), "argocd": h.lab.ArgoCD.Front(), "site": h.lab.Site.Front()}
}

func TestDocsRelease(t *testing.T) {
	h := newHomelab(t)
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"dry run", h.testDryRun}, {"release", h.testRelease}, {"rollback", h.testRollback}, {"killed", h.testKilled},
		{"faults", h.testFaults}, {"lies", h.testLies}, {"old site", h.testOldSite}, {"two at once", h.testTwoAtOnce}, {"canaries", h.testCanaries},
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

// moment is a kind of request at which mage is killed.
type moment struct {
	front, method string
	path          *regexp.Regexp
	after         bool // the server has answered
}

func (m moment) String() string {
	when := "before"
	if m.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s %s", when, m.front, m.method, m.path)
}

// moments has one of each kind: what writes is cut off on either side of its effect.
var moments = []moment{
	{"forge", http.MethodGet, regexp.MustCompile(`info/refs$`), false},
	{"forge", http.MethodPost, regexp.MustCompile(`git-upload-pack$`), false},
	{"argocd", http.MethodGet, regexp.MustCompile(`applications/docs$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.tar\.gz$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.tar\.gz$`), true},
	{"forge", http.MethodGet, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.tar\.gz$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.json$`), false},
	{"forge", http.MethodPut, regexp.MustCompile(`/docs/v[^/]*/docs-.*\.json$`), true},
	{"forge", http.MethodPost, regexp.MustCompile(`git-receive-pack$`), false},
	{"forge", http.MethodPost, regexp.MustCompile(`git-receive-pack$`), true},
	{"forge", http.MethodPost, regexp.MustCompile(`/releases$`), false},
	{"forge", http.MethodPost, regexp.MustCompile(`/releases$`), true},
	{"argocd", http.MethodPost, regexp.MustCompile(`/sync$`), false},
	{"argocd", http.MethodPost, regexp.MustCompile(`/sync$`), true},
	{"site", http.MethodGet, regexp.MustCompile(`release\.json$`), true},
}

// testKilled kills the process at each moment of a release of its own, and finishes with the same command.
func (h *homelab) testKilled(t *testing.T) {
	outcomes := map[string]int{}
	for i, m := range moments {
		h.push(fmt.Sprintf("change%d", i))
		version := fmt.Sprintf("v0.1.%d", i+2)
		if !h.kill(t, m) {
			t.Errorf("%s: that request was never made", m)
		}
		got := h.release("patch")
		if got.Version != version {
			t.Fatalf("%s: got %+v, want %s", m, got, version)
		}
		t.Logf("killed %s: the second run: %s %s", m, got.Status, got.Version)
		outcomes[got.Status]++
		h.whole(version)
	}
	t.Logf("%d kills; the second runs: %v", len(moments), outcomes)
}

// kill runs a release that is killed at a moment; it reports whether the moment came.
func (h *homelab) kill(t *testing.T, m moment) bool {
	t.Helper()
	cmd := h.command("docs:release", "patch")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var once sync.Once
	killed := false
	strike := func() {
		once.Do(func() { killed = cmd.Process.Kill() == nil })
	}
	mend := h.fronts()[m.front].Fail(front.Fault{
		Kind: front.Custom, Method: m.method, Path: m.path, Times: 1,
		Match: func(q *http.Request) bool { // not the questions of the preflight, which have to be refused
			return m.front != "forge" || m.method != http.MethodPost || !strings.HasSuffix(q.URL.Path, "/releases") || q.ContentLength > 2
		},
		Serve: func(next http.Handler, w http.ResponseWriter, q *http.Request) {
			if m.after {
				body, err := io.ReadAll(q.Body) // nothing of it is lost with the process
				if err != nil {
					t.Error(err)
				}
				q.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(httptest.NewRecorder(), q.WithContext(context.WithoutCancel(q.Context())))
			}
			strike()
			panic(http.ErrAbortHandler)
		},
	})
	defer mend()
	begun := time.Now()
	err := cmd.Run()
	if err == nil || time.Since(begun) > patience {
		t.Logf("%s: %v\n%s", m, err, out.String())
	}
	return killed
}

// next is the version that a patch makes.
func (h *homelab) next() string {
	h.t.Helper()
	tags := strings.Fields(h.git("ls-remote", "--tags", "--refs", "origin"))
	highest := -1
	for _, tag := range tags {
		var patch int
		if _, err := fmt.Sscanf(tag, "refs/tags/v0.1.%d", &patch); err == nil {
			highest = max(highest, patch)
		}
	}
	return fmt.Sprintf("v0.1.%d", highest+1)
}

// testFaults has one request of each kind fail, once, in each of the lab's ways. What is asked again goes on, and what breaks a run off is
// finished by the next.
func (h *homelab) testFaults(t *testing.T) {
	for _, fault := range []front.Fault{
		{Kind: front.Refuse}, {Kind: front.Delay, For: 200 * time.Millisecond}, {Kind: front.Status}, {Kind: front.Cut, Bytes: 20},
		{Kind: front.CutRequest, Bytes: 20}, {Kind: front.Drop}, {Kind: front.Expire},
	} {
		h.push("fault-" + fault.Kind.String())
		version, hits := h.next(), 0
		for _, m := range moments {
			if !m.after {
				fault.Method, fault.Path, fault.Times = m.method, m.path, 1
				fault.Hit = func(*http.Request) { hits++ }
				h.fronts()[m.front].Fail(fault)
			}
		}
		var broken []string
		for got := h.run("docs:release", "patch"); got.status != 0 && len(broken) < len(moments); got = h.run("docs:release", "patch") {
			_, why, ok := strings.Cut(got.stderr, "Error: ")
			if !ok {
				t.Errorf("%s: no error is shown\n%s", fault.Kind, got.stderr)
			}
			broken = append(broken, strings.SplitN(why, "\n", 2)[0])
		}
		for _, f := range h.fronts() {
			f.Mend()
		}
		if hits == 0 {
			t.Errorf("%s: it hit nothing", fault.Kind)
		}
		h.whole(version)
		t.Logf("%s: %d hits, %d runs more\n%s", fault.Kind, hits, len(broken), strings.Join(broken, "\n"))
	}
}

// testLies has a forge that says yes to an upload, and keeps nothing.
func (h *homelab) testLies(t *testing.T) {
	h.push("lies")
	version := h.next()
	mend := h.lab.Forge.Front().Fail(front.Fault{Kind: front.Drop, Method: http.MethodPut, Path: regexp.MustCompile(`\.tar\.gz$`)})
	got := h.run("docs:release", "patch")
	mend()
	if got.status != 1 || !strings.Contains(got.stderr, "the package does not hold docs-"+version) || h.next() != version {
		t.Errorf("status %d, next is %s\n%s", got.status, h.next(), got.stderr)
	}
	h.release("patch")
	h.whole(version)
}

// testOldSite has a site that goes on serving the version before.
func (h *homelab) testOldSite(t *testing.T) {
	h.push("old")
	version := h.next()
	release := h.lab.Site.Hold()
	h.env["BLUMEOPS_DEPLOY_TIMEOUT"] = "20s"
	got := h.run("docs:release", "patch")
	release()
	h.env["BLUMEOPS_DEPLOY_TIMEOUT"] = "1m"
	if got.status != 1 || !strings.Contains(got.stderr, version+" is deployed, and 20s after the deployment "+h.lab.Site.URL()+" still serves v0.1.") {
		t.Errorf("status %d\n%s", got.status, got.stderr)
	}
	h.release("patch")
	h.whole(version)
}

// testTwoAtOnce has two clones release at once what is new: there is one release of it.
func (h *homelab) testTwoAtOnce(t *testing.T) {
	h.push("race")
	version := h.next()
	other := filepath.Join(h.work, "other")
	h.git("clone", "--quiet", h.lab.Forge.CloneURL(h.lab.Forge.Owner, "blumeops"), other)
	both, arrived := make(chan struct{}), 0
	mend := h.lab.Forge.Front().Fail(front.Fault{
		Kind: front.Custom, Method: http.MethodPost, Path: regexp.MustCompile(`git-receive-pack$`), Times: 2,
		Hit: func(*http.Request) { // the fault's lock is held
			if arrived++; arrived == 2 {
				close(both)
			}
		},
		Serve: func(next http.Handler, w http.ResponseWriter, q *http.Request) {
			select {
			case <-both:
			case <-time.After(patience):
				t.Error("only one of the two has pushed")
			}
			next.ServeHTTP(w, q)
		},
	})
	defer mend()
	var wait sync.WaitGroup
	said := make([]bytes.Buffer, 2)
	for i, dir := range []string{h.repo, other} {
		cmd := h.command("docs:release", "patch")
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said[i], &said[i]
		// Two releases in the same second by the same author are the same commit, and nobody loses.
		cmd.Env = append(cmd.Env, fmt.Sprintf("BLUMEOPS_RELEASE_AUTHOR=Releaser %d <ci@example.test>", i))
		wait.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("releaser %d: %v\n%s", i, err, said[i].String())
			}
		})
	}
	wait.Wait()
	lost := 0
	for i := range said {
		text := said[i].String()
		if !strings.Contains(text, version) {
			t.Errorf("releaser %d:\n%s", i, text)
		}
		lost += strings.Count(text, "lost a race")
	}
	if lost != 1 {
		t.Errorf("%d races were lost\n%s\n%s", lost, said[0].String(), said[1].String())
	}
	if _, err := os.Stat(filepath.Join(h.repo, "docs", "changelog.d", "+race.feature.md")); err == nil {
		h.git("pull", "--quiet", "--ff-only") // the other was the one to release
	}
	h.whole(version)
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
	for _, name := range []string{"BLUMEOPS_FORGE_TOKEN", "ARGOCD_AUTH_TOKEN"} {
		if len(h.env[name]) < 20 {
			t.Fatalf("%s is %q", name, h.env[name])
		}
		for place, text := range places {
			if bytes.Contains(text, []byte(h.env[name])) {
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
func (h *homelab) archive(t *testing.T, version string) []byte {
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
