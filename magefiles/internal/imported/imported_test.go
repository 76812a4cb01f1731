package imported

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/adopt"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Another repository has all targets from the module: no file of this checkout is needed.
func TestAnotherRepositoryUsesTheTargets(t *testing.T) {
	testenv.Slow(t, "compiles the targets, builds images and starts the lab")
	enginetest.NeedsRuntime(t, enginetest.Options(t, t.TempDir()))
	labtest.Need(t, lab.AllParts...)
	r := newRepository(t, files)
	for _, part := range []struct {
		name string
		test func(*repository)
	}{
		{"help", (*repository).testHelp}, {"validate", (*repository).testValidate}, {"build", (*repository).testBuild},
		{"publish", (*repository).testPublish}, {"Dockerfile", (*repository).testDockerfile}, {"docs", (*repository).testDocs},
		{"release a container", (*repository).testReleaseContainer}, {"release the docs", (*repository).testReleaseDocs},
		{"adopt", (*repository).testAdopt},
	} {
		if part.name == "publish" { // the targets before it need no server
			r.startLab()
		}
		if !t.Run(part.name, func(t *testing.T) { part.test(r.with(t)) }) {
			return // the next one needs it
		}
	}
}

func (r *repository) testHelp() {
	listing := r.mage("-l")
	for _, want := range []string{"Homelab: the containers", "  container:publish  ", "  docs:build  ", "  ci  "} {
		if !strings.Contains(listing, want) {
			r.t.Errorf("the list has no %q:\n%s", want, listing)
		}
	}
	if help := r.mage("-h", "container:build"); !strings.Contains(help, "\n\tmage container:build nettest -output") {
		r.t.Errorf("the help has no lines of its own:\n%s", help)
	}
}

func (r *repository) testValidate() { r.mage("validate") }

func (r *repository) testBuild() {
	r.mage("container:build", "hello", "-output=dir:rootfs")
	program := filepath.Join(r.dir, "rootfs", "hello")
	if out, err := exec.Command(program).Output(); err != nil || string(out) != "hello from elsewhere\n" {
		r.t.Errorf("the image's program prints %q, %v", out, err)
	}
}

// testPublish publishes an index of two platforms.
func (r *repository) testPublish() {
	index, err := remote.Index(r.published(r.mage("container:publish", "hello", "dev"), "hello:dev"))
	if err != nil {
		r.t.Fatal(err)
	}
	if m, err := index.IndexManifest(); err != nil || len(m.Manifests) != 2 {
		r.t.Errorf("the index is %+v, %v", m, err)
	}
}

// testDockerfile builds on the lab's base image, and runs a command in it.
func (r *repository) testDockerfile() {
	r.mage("container:build", "greeting")
	image, err := remote.Image(r.published(r.mage("container:publish", "greeting", "dev"), "greeting:dev"), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	if err != nil {
		r.t.Fatal(err)
	}
	files := mutate.Extract(image)
	defer files.Close()
	if text := fileOf(r.t, files, "greeting"); text != "greetings from elsewhere\n" {
		r.t.Errorf("the image's file is %q", text)
	}
	if c, err := image.ConfigFile(); err != nil || c.Config.User != "65532" || c.Config.Labels["org.opencontainers.image.revision"] == "" {
		r.t.Errorf("the image's configuration is %+v, %v", c, err)
	}
}

func (r *repository) testDocs() {
	if line := r.mage("docs:build"); !regexp.MustCompile(`docs-dev\.tar\.gz\b.*[0-9a-f]{64}`).MatchString(line) {
		r.t.Errorf("built %q", line)
	}
}

// testReleaseContainer pushes a tag. The lab's runner publishes the image, promotes and deploys it, all by the targets of the repository.
func (r *repository) testReleaseContainer() {
	line := r.mage("container:release", "hello", "v0.2.0", "-wait", "-timeout=5m")
	published, found := strings.CutPrefix(line, "hello-v0.2.0 ")
	if !found {
		r.t.Fatalf("container:release prints %q", line)
	}
	r.published(published, "hello:v0.2.0")
	r.run("git", "pull", "--quiet", "--ff-only")
	if subject := r.run("git", "log", "-1", "--format=%s"); subject != "Promote hello to v0.2.0 [skip ci]\n" {
		r.t.Errorf("main has %q", subject)
	}
	deployed := r.get("http://"+r.setting("ARGOCD_SERVER")+"/api/v1/applications/hello", r.setting("ARGOCD_AUTH_TOKEN"))
	if want := `"images":["` + strings.TrimSpace(published) + `"]`; !strings.Contains(deployed, want) {
		r.t.Errorf("Argo CD has deployed\n%s\nexpected %s", deployed, want)
	}
}

// testAdopt replaces the two files by those of the plan.
func (r *repository) testAdopt() {
	var plan adopt.Plan
	if err := json.Unmarshal([]byte(r.mage("adopt", "-format=json")), &plan); err != nil {
		r.t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range plan.Settings {
		got[s.Name] = s.Value
	}
	if got["Registry"] != "registry.example" || got["Namespace"] != "me" || got["DocsGenerator"] != "node" || got["DocsManifest"] != "argocd/manifests/docs/deployment.yaml" {
		r.t.Errorf("the plan has the settings %q", got)
	}
	if len(plan.Files) != 2 || len(plan.Containers) != 2 || !plan.Containers[0].Fits || !plan.Containers[1].Fits {
		r.t.Fatalf("the plan is %+v", plan)
	}
	for _, f := range plan.Files {
		if err := os.WriteFile(filepath.Join(r.dir, filepath.FromSlash(f.Path)), []byte(f.Text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	if listing := r.mage("container:list"); !strings.Contains(listing, "hello") {
		r.t.Errorf("the containers are %q", listing)
	}
}

func (r *repository) testReleaseDocs() {
	if line := r.mage("docs:release", "patch"); line != "v0.1.0\n" {
		r.t.Errorf("docs:release prints %q", line)
	}
	if got := r.get(r.setting("BLUMEOPS_DOCS_URL")+"/", ""); got != "<p>home</p>" {
		r.t.Errorf("the site has %q", got)
	}
	if got := r.get(r.setting("BLUMEOPS_DOCS_URL")+"/release.json", ""); !strings.Contains(got, `"v0.1.0"`) {
		r.t.Errorf("the site serves the release %q", got)
	}
	if tag, main := r.run("git", "ls-remote", "origin", "refs/tags/v0.1.0^{}"), r.run("git", "ls-remote", "origin", "refs/heads/main"); tag == "" || tag[:40] != main[:40] {
		r.t.Errorf("the forge has %q and %q", tag, main)
	}
	if changes := r.run("git", "show", "origin/main:CHANGELOG.md"); !strings.Contains(changes, "There is a home page.") {
		r.t.Errorf("the changelog is\n%s", changes)
	}
}

// published is the reference that a target has printed, which must name a digest of the lab's registry.
func (r *repository) published(line, image string) name.Reference {
	r.t.Helper()
	want := regexp.QuoteMeta(r.setting("BLUMEOPS_REGISTRY") + "/me/" + image)
	if !regexp.MustCompile(`^` + want + `@sha256:[0-9a-f]{64}\n$`).MatchString(line) {
		r.t.Fatalf("published %q, expected %s", line, want)
	}
	ref, err := name.ParseReference(strings.TrimSpace(line), name.Insecure)
	if err != nil {
		r.t.Fatal(err)
	}
	return ref
}

// get is the answer of a server of the lab.
func (r *repository) get(url, token string) string {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s, %v\n%s", url, resp.Status, err, text)
	}
	return string(text)
}
