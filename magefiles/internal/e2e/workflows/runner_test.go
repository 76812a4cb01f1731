package workflows

import (
	"bytes"
	"io"
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
)

// TestForgejoRunner builds the image in which jobs run, by its own Dockerfile, with the caches of a small repository: on the lab's Debian, with Debian's
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
