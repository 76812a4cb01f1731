package workflows

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"go.yaml.in/yaml/v3"
)

// TestForgejoRunner builds the image in which jobs run, by its own Dockerfile with all of its defaults: on the lab's Debian, with Debian's
// git and this machine's Go. It holds what our workflows need and no more, and each of their steps is run in it.
func TestForgejoRunner(t *testing.T) {
	r := serveJobs(t)
	j := newJobImage(t, r)
	t.Run("holds", j.testHolds)
	t.Run("times", j.testTimes)
	t.Run("caches", func(t *testing.T) { j.testCaches(t, r) })
	t.Run("steps", func(t *testing.T) { j.testSteps(t, r) }) // the last: it runs in the image itself
	t.Log("not run: the command lines of Docker and Dagger, which are stand-ins as no registry of images can be reached; no step calls them itself")
}

// tool is a stand-in for a program of the job image.
const tool = "#!/bin/sh\necho stand-in for $0 \"$@\"\n"

// jobImage is the unpacked image of containers/forgejo-runner.
type jobImage struct {
	container
	layout string // of the image below it
	w      *e2etest.Workspace
}

// container is the root file system of a job.
type container struct {
	root   string
	config ocispecs.ImageConfig
}

func newJobImage(t testing.TB, r *jobRepo) *jobImage {
	t.Helper()
	debian := baseimage.DebianSlim()
	registry, base := e2etest.NeedBase(t, debian)
	w := e2etest.NewWorkspace(t)
	w.Repo = e2etest.Root()
	s := w.NewRegistry(lab.RegistryOptions{})
	var mirrors []string
	for _, reference := range imagesOf(t, "containers/forgejo-runner/Dockerfile") {
		host, rest, _ := strings.Cut(reference, "/")
		name, tag, _ := strings.Cut(rest, ":")
		if rest == base {
			mirrors = append(mirrors, host+"/"+name+"="+registry+"/"+name)
			continue
		}
		content := map[string]func(io.Writer) error{
			"docker": standIn("usr/local/bin/docker"), "engine": standIn("usr/local/bin/dagger"), "golang": goTree,
		}[path.Base(name)]
		if content == nil {
			t.Fatalf("the Dockerfile takes %s, of which this test knows no stand-in", reference)
		}
		layout := filepath.Join(w.Dir, path.Base(name))
		if err := baseimage.WriteLayout(layout, ocispecs.ImageConfig{}, "", content); err != nil {
			t.Fatal(err)
		}
		if err := s.Seed(t.Context(), name+":"+tag, layout); err != nil {
			t.Fatal(err)
		}
		mirrors = append(mirrors, host+"/"+name+"="+s.Addr+"/"+name)
	}
	w.Env["BLUMEOPS_MIRRORS"] = strings.Join(mirrors, ",")
	archive := filepath.Join(w.Dir, "runner.tar")
	w.Mage("container:build", "forgejo-runner", r.args(serveModules(t, nil).url), "-output="+archive)
	one := e2etest.ReadOneImage(t, archive)
	j := &jobImage{container: container{root: filepath.Join(w.Dir, "root"), config: one.Config.Config}, w: w}
	for _, layer := range one.Layers {
		extract(t, j.root, layer)
	}
	var err error
	if j.layout, err = (baseimage.Images{}).Make(t.Context(), debian); err != nil {
		t.Fatal(err)
	}
	return j
}

// imagesOf are the images that a Dockerfile takes from registries, with the defaults of its arguments.
func imagesOf(t testing.TB, name string) (references []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e2etest.Root(), name))
	if err != nil {
		t.Fatal(err)
	}
	d, err := dockerfile.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range d.Images {
		references = append(references, image.Reference)
	}
	return references
}

// archiver writes an archive of what a folder holds, as root's.
func archiver(dir string, args ...string) func(io.Writer) error {
	return func(to io.Writer) error {
		cmd := exec.Command("tar", append([]string{"--create", "--directory=" + dir, "--owner=0", "--group=0"}, append(args, ".")...)...)
		cmd.Stdout = to
		return cmd.Run()
	}
}

func standIn(name string) func(io.Writer) error {
	return func(to io.Writer) error {
		dir, err := os.MkdirTemp("", "blumeops-e2e-tool-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, name)
		if err := e2etest.WriteNew(file, []byte(tool)); err != nil {
			return err
		}
		if err := os.Chmod(file, 0o755); err != nil {
			return err
		}
		return archiver(dir)(to)
	}
}

// goTree is this machine's Go at the place where its image has it, without what compiles no program.
func goTree(to io.Writer) error {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	return archiver(strings.TrimSpace(string(root)), "--transform=s,^\\.,usr/local/go,", "--exclude=./api", "--exclude=./doc", "--exclude=./misc",
		"--exclude=./test", "--exclude=./src/cmd", "--exclude=testdata", "--exclude=*_test.go")(to)
}

func extract(t testing.TB, dir string, layer []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tar", "--extract", "--preserve-permissions", "--numeric-owner", "--directory="+dir)
	cmd.Stdin = bytes.NewReader(layer)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
}

// env is what a job's process sees, besides what the forge and the step set.
func (c container) env() e2etest.Environ {
	e := e2etest.Environ{"HOME": "/home/runner"} // as Docker sets it
	for _, set := range c.config.Env {
		name, value, _ := strings.Cut(set, "=")
		e[name] = value
	}
	return e
}

// run runs a script as Forgejo's runner does, as the image's user in a folder of the image. The network is this machine's.
func (c container) run(t testing.TB, dir, script string, env e2etest.Environ) (string, error) {
	t.Helper()
	file := filepath.Join(c.root, "tmp", "step.sh")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	enter := `for d in proc dev; do mount --rbind /$d "$0/$d"; done; exec chroot --userspec="$1" "$0" /bin/bash -c 'cd "$0" && exec bash -e /tmp/step.sh' "$2"`
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-euc", enter, c.root, c.config.User, dir)
	cmd.Env = env.List()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// workflowFile is what of a workflow its steps are.
type workflowFile struct {
	Jobs map[string]struct {
		Steps []struct {
			Name, Uses, Run string
			Env             map[string]string
		}
	}
}

func readWorkflows(t testing.TB) map[string]workflowFile {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(e2etest.Root(), ".forgejo", "workflows", "*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	all := map[string]workflowFile{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var w workflowFile
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[filepath.Base(name)] = w
	}
	return all
}

// jobRepository is what the jobs check out: its targets say that they were called. Those of this repository would want all of its modules.
var jobRepository = map[string]string{
	"own/own.go":         "package own\n\nconst Says = \"job: \"\n",
	".ci/run":            "echo job: .ci/run\n",
	".ci/fuzz":           "#!/usr/bin/env bash\necho job: .ci/fuzz $1\n",
	"containers/a/hello": "hello\n",
	"magefiles/mage.go": `//go:build mage

package main

import (
	"fmt"

	"github.com/magefile/mage/mg"

	"job.test/repo/own"
)

type (
	CI        mg.Namespace
	Container mg.Namespace
	Docs      mg.Namespace
)

func Validate()                                               { fmt.Println(own.Says + "validate") }
func (Container) List()                                       {}
func (CI) Tag(ref string, promote, sync *bool)                { fmt.Println("job: ci:tag", ref) }
func (Container) Publish(a, version string, promote, sync *bool) { fmt.Println("job: container:publish", a, version) }
func (Docs) Release(version string)                           { fmt.Println("job: docs:release", version) }
`,
}

// jobs are what each job is to end in.
var jobs = map[string]string{
	"build-container.yaml tag":     "job: ci:tag refs/tags/a-v1.0.0",
	"build-container.yaml changed": "job: container:publish changed auto",
	"release-docs.yaml release":    "job: docs:release BUMP_PATCH",
	"validate.yaml validate":       "job: validate",
	"ci.yaml ci":                   "job: .ci/run",
	"fuzz.yaml fuzz":               "job: .ci/fuzz 60s",
}

const jobToken = "canary-job-6b1d"

// given is what expressions of the workflows become.
var given = map[string]string{"${{ github.token }}": jobToken, "${{ inputs.version_type }}": "BUMP_PATCH"}

// testSteps runs every step of every workflow, one after the other as a job does, against a forge that shows the repository to the job's
// token alone. All modules are in the image.
func (j *jobImage) testSteps(t *testing.T, r *jobRepo) {
	ran := 0
	for name, workflow := range readWorkflows(t) {
		for job := range workflow.Jobs {
			ran++
			dir := "/home/runner/" + strings.TrimSuffix(name, ".yaml") + "-" + job
			said, err := j.runJob(t, dir, name, job, r, "off")
			if err != nil {
				t.Fatalf("%s: job %s: %v\n%s", name, job, err, said)
			}
			if want, ok := jobs[name+" "+job]; !ok || !strings.HasSuffix(strings.TrimSpace(said), want) {
				t.Errorf("%s: job %s ends in %q, want %q", name, job, said, want)
			}
			if head, err := os.ReadFile(filepath.Join(j.root, dir, ".git", "HEAD")); err != nil || strings.TrimSpace(string(head)) != r.commit {
				t.Errorf("%s: job %s is at %q, %v", name, job, head, err)
			}
		}
	}
	if ran != len(jobs) {
		t.Errorf("%d jobs were run, want %d", ran, len(jobs))
	}
}

// runJob runs the steps of a job in a new folder, until one fails. Before each step it calls all of each.
func (c container) runJob(t testing.TB, dir, file, job string, r *jobRepo, modules string, each ...func()) (said string, err error) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(c.root, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(c.root, dir), 1000, 1000); err != nil {
		t.Fatal(err)
	}
	for _, step := range readWorkflows(t)[file].Jobs[job].Steps {
		env := c.env()
		env["GITHUB_SERVER_URL"], env["GITHUB_REPOSITORY"], env["GITHUB_SHA"], env["GITHUB_REF"] = r.url, "owner/repo", r.commit, "refs/tags/a-v1.0.0"
		env["GOPROXY"] = modules
		for key, value := range step.Env {
			env[key] = value
			if known, ok := given[value]; ok {
				env[key] = known
			}
		}
		if step.Uses != "" || step.Run == "" {
			t.Errorf("%s: step %q is no script", file, step.Name)
		}
		for _, call := range each {
			call()
		}
		out, err := c.run(t, dir, step.Run, env)
		said += out
		if err != nil {
			return said, fmt.Errorf("step %q: %w", step.Name, err)
		}
	}
	return said, nil
}

// jobRepo is the jobs' repository on two servers: one requires the job's token, the other is open, as for the build of the image.
type jobRepo struct {
	w                 *e2etest.Workspace
	url, open, commit string
}

// args are the arguments of the image with this repository's caches.
func (r *jobRepo) args(modules string) string {
	return "-args=SOURCE=" + r.open + "/owner/repo.git,CHECKOUT=" + checkout + ",GOPROXY=" + modules
}

// checkout is the folder in which Forgejo's jobs check out owner/repo.
const checkout = "/workspace/owner/repo"

// commitAll commits the changes for the next jobs.
func (r *jobRepo) commitAll() {
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message=Change"}} {
		r.w.Git(args...)
	}
	r.commit = r.w.Git("rev-parse", "HEAD")
}

// serveJobs commits the jobs' repository and serves it.
func serveJobs(t testing.TB) *jobRepo {
	t.Helper()
	w := &e2etest.Workspace{T: t, Dir: t.TempDir(), Env: e2etest.Environment(t.TempDir(), "")}
	w.Repo = filepath.Join(w.Dir, "owner", "repo.git")
	mod, sum := moduleFiles(t, mageModule)
	for name, text := range jobRepository {
		w.Write(name, text)
	}
	if err := os.Chmod(filepath.Join(w.Repo, ".ci", "fuzz"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.Write("go.mod", mod+"\ntool "+mageModule+"\n")
	w.Write("go.sum", sum)
	w.Git("init", "--quiet", "--initial-branch=main")
	r := &jobRepo{w: w}
	r.commitAll()
	w.Git("tag", "a-v1.0.0")
	r.serve(t)
	return r
}

// serve serves the repository at owner/repo.
func (r *jobRepo) serve(t testing.TB) {
	t.Helper()
	core, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + r.w.Dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=uploadpack.allowAnySHA1InWant",
			"GIT_CONFIG_VALUE_0=true", "GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*"},
	}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "token" || password != jobToken {
			rw.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(rw, "who are you?", http.StatusUnauthorized)
			return
		}
		req.URL.Path = strings.Replace(req.URL.Path, "/owner/repo/", "/owner/repo.git/", 1)
		backend.ServeHTTP(rw, req)
	}))
	t.Cleanup(s.Close)
	open := httptest.NewServer(backend)
	t.Cleanup(open.Close)
	r.url, r.open = s.URL, open.URL
}

const mageModule = "github.com/magefile/mage"

// moduleFiles are a go.mod that requires modules in the versions that we use, and its go.sum.
func moduleFiles(t testing.TB, modules ...string) (mod, sum string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(e2etest.Root(), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod = "module job.test/repo\n\ngo 1.26\n"
	for _, name := range modules {
		cmd := exec.Command("go", "list", "-m", "-f", "{{.Version}}", name)
		cmd.Dir = e2etest.Root()
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		version := strings.TrimSpace(string(out))
		mod += "\nrequire " + name + " " + version + "\n"
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, name+" "+version) {
				sum += line
			}
		}
	}
	return mod, sum
}

// packages are those of a dpkg status file.
func packages(status string) (names []string) {
	for line := range strings.Lines(status) {
		if name, ok := strings.CutPrefix(line, "Package: "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

func (j *jobImage) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(j.root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// chosen are the packages that were asked for, above the base image; the others came along.
func (j *jobImage) chosen(t *testing.T) []string {
	t.Helper()
	_, manifest, _, err := baseimage.ReadManifest(j.layout)
	if err != nil {
		t.Fatal(err)
	}
	before, err := exec.Command("tar", "-xzOf", baseimage.BlobPath(j.layout, manifest.Layers[0].Digest), "./var/lib/dpkg/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	along := map[string]bool{}
	for stanza := range strings.SplitSeq(j.read(t, "var/lib/apt/extended_states"), "\n\n") {
		if strings.Contains(stanza, "Auto-Installed: 1") {
			for _, name := range packages(stanza) {
				along[name] = true
			}
		}
	}
	there := packages(string(before))
	chosen := slices.DeleteFunc(packages(j.read(t, "var/lib/dpkg/status")), func(name string) bool { return along[name] || slices.Contains(there, name) })
	slices.Sort(chosen)
	return chosen
}

func (j *jobImage) names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(j.root, dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
