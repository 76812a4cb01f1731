package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

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
	return newHomelabOf(t, released)
}

// newHomelabOf is one whose repository has these files and folders of this checkout, as edit left them.
func newHomelabOf(t *testing.T, names []string, edit ...func(*world)) *homelab {
	t.Helper()
	labtest.Need(t, lab.PartForge, lab.PartArgoCD)
	registry, node := needBase(t, baseimage.NodeSlim())
	w := newWorld(t)
	w.repo = filepath.Join(w.work, "homelab")
	for _, name := range names {
		if err := copyTree(filepath.Join(setup.root, name), filepath.Join(w.repo, name)); err != nil {
			t.Fatal(err)
		}
	}
	w.write("docs/changelog.d/+e2e.feature.md", "The docs are released in a test.\n")
	w.write("docs/quartz.layout.ts", "export const shared = { footer: \"a test\" }\n") // all of TypeScript that the stand-in reads
	for _, edit := range edit {
		edit(w)
	}
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
		"BLUMEOPS_DEPLOY_TIMEOUT": patience.String(), "BLUMEOPS_REGISTRY_USER": "none", "BLUMEOPS_DOCS_HOOK": "echo hooked >>'" + filepath.Join(w.work, "hooked") + "'",
	} {
		w.env[name] = value
	}
	w.env["BLUMEOPS_SIGNING_KEY"] = signingKey(t)
	h := &homelab{world: w, lab: up}
	w.git("remote", "add", "origin", up.Forge.CloneURL(up.Forge.Owner, "blumeops"))
	w.git("fetch", "--quiet", "origin")
	w.git("branch", "--quiet", "--set-upstream-to=origin/main", "main")
	return h
}

// signingKey is a private key, as ssh-keygen writes one.
func signingKey(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
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
		h.pushRef("main")
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
