package imported

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

const path = "forge.ops.eblu.me/eblume/blumeops"

// file is a file of the checkout, for the archive.
type file struct{ root, name string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (os.FileInfo, error)  { return os.Lstat(filepath.Join(f.root, f.name)) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(f.root, f.name)) }

// proxy is a folder that serves this module as a Go module proxy does, with what git tracks or would track.
func proxy(t *testing.T) (dir, version string) {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []zip.File
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			files = append(files, file{root, name})
		}
	}
	var content bytes.Buffer
	if err := zip.Create(&content, module.Version{Path: path, Version: "v0.0.1"}, files); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content.Bytes())
	version = "v0.0.0-20260101000000-" + hex.EncodeToString(sum[:])[:12] // the build cache knows what was compiled of the same content
	content.Reset()
	if err := zip.Create(&content, module.Version{Path: path, Version: version}, files); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	info, err := json.Marshal(map[string]string{"Version": version, "Time": "2026-01-01T00:00:00Z"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"list": nil, version + ".info": info, "main.info": info, version + ".mod": mod, version + ".zip": content.Bytes()} {
		write(t, filepath.Join(dir, path, "@v", name), string(text))
	}
	return dir, version
}

// forget removes the module from the module cache, which it is only borrowing.
func forget(t *testing.T, cache, version string) {
	t.Helper()
	dir := filepath.Join(cache, path+"@"+version)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
	downloaded, _ := filepath.Glob(filepath.Join(cache, "cache", "download", path, "@v", version+"*"))
	for _, name := range downloaded {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// goEnv is a setting of the go command.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// repository is the other repository.
type repository struct {
	t   *testing.T
	dir string
	env []string
}

// passedOn are variables of this process that belong to the settings of the engine, which would be restarted if they differed.
var passedOn = []string{
	"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

// newRepository is a repository with a go.mod of its own and the given files.
func newRepository(t *testing.T, files map[string]string) *repository {
	t.Helper()
	r, version := newFolder(t, "homelab")
	r.begin(replaced(files, "MODULE", version), func() { r.run("go", "mod", "tidy") })
	return r
}

// newFolder is a folder for a repository, with an environment of its own that has this module in the returned version, which is also that of main.
func newFolder(t *testing.T, name string) (r *repository, version string) {
	t.Helper()
	at, version := proxy(t)
	cache := goEnv(t, "GOMODCACHE")
	t.Cleanup(func() { forget(t, cache, version) })
	work := t.TempDir()
	r = &repository{t: t, dir: filepath.Join(work, name), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(work, "home"), "XDG_CACHE_HOME=" + filepath.Join(work, "cache"), "TERM=dumb", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A Test", "GIT_AUTHOR_EMAIL=test@example.test", "GIT_COMMITTER_NAME=A Test", "GIT_COMMITTER_EMAIL=test@example.test",
		"GOMODCACHE=" + cache, "GOCACHE=" + goEnv(t, "GOCACHE"), "GOTOOLCHAIN=" + goEnv(t, "GOTOOLCHAIN"),
		"GOPROXY=file://" + at + "," + goEnv(t, "GOPROXY"), "GOSUMDB=off", // this module's go.sum has the sums of all others
		"BLUMEOPS_ENGINE=embedded", "BLUMEOPS_ENGINE_STATE=" + testenv.EngineState(t), fmt.Sprintf("BLUMEOPS_ENGINE_CACHE=%d", testenv.EngineCacheBytes),
	}}
	for _, name := range passedOn {
		if value, set := os.LookupEnv(name); set {
			r.env = append(r.env, name+"="+value)
		}
	}
	return r, version
}

// begin makes the repository with files, and with those that prepare makes.
func (r *repository) begin(files map[string]string, prepare func()) {
	r.t.Helper()
	for name, text := range files {
		write(r.t, filepath.Join(r.dir, name), text)
	}
	r.run("git", "init", "--quiet", "--initial-branch=main")
	prepare()
	r.run("git", "add", "--all")
	r.run("git", "commit", "--quiet", "--message=Begin")
}

// with is the same repository for a subtest.
func (r *repository) with(t *testing.T) *repository {
	return &repository{t: t, dir: r.dir, env: r.env}
}

// startLab starts a lab by the repository's own target, with the programs and base images that this user has already, and makes its forge the
// origin.
func (r *repository) startLab() {
	r.t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		r.t.Fatal(err)
	}
	ours := filepath.Join(r.setting("XDG_CACHE_HOME"), "blumeops")
	if err := os.MkdirAll(ours, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(cache, "blumeops", "lab"), filepath.Join(ours, "lab")); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { // the test's context has ended by then
		down := exec.Command("go", "tool", "mage", "lab:down", "-wipe")
		down.Dir, down.Env = r.dir, r.env
		if out, err := down.CombinedOutput(); err != nil {
			r.t.Errorf("lab:down: %v\n%s", err, out)
		}
	})
	r.mage("lab:up")
	var settings []lab.Setting
	if err := json.Unmarshal([]byte(r.mage("lab:env", "-format=json")), &settings); err != nil {
		r.t.Fatal(err)
	}
	for _, s := range settings {
		r.env = append(r.env, s.Name+"="+s.Value)
	}
	forge := r.setting("BLUMEOPS_FORGE_URL")
	r.run("git", "remote", "add", "origin", forge+"/"+r.setting("BLUMEOPS_OWNER")+"/homelab.git")
	r.run("git", "config", "credential."+forge+".helper", `!f() { echo username=lab; echo "password=$BLUMEOPS_FORGE_TOKEN"; }; f`)
	kustomization := filepath.Join(r.dir, "argocd", "manifests", "hello", "kustomization.yaml")
	text, err := os.ReadFile(kustomization)
	if err != nil {
		r.t.Fatal(err)
	}
	write(r.t, kustomization, string(text)+"    newName: "+r.setting("BLUMEOPS_REGISTRY")+"/me/hello\n")
	r.run("git", "commit", "--quiet", "--all", "--message=Use the lab's registry")
	r.run("git", "push", "--quiet", "--set-upstream", "origin", "main")
}

// setting is the value of a variable of the environment.
func (r *repository) setting(name string) string {
	r.t.Helper()
	for _, pair := range slices.Backward(r.env) {
		if value, found := strings.CutPrefix(pair, name+"="); found {
			return value
		}
	}
	r.t.Fatalf("%s is not set", name)
	return ""
}

// run runs a command in the repository and returns what it prints on stdout.
func (r *repository) run(args ...string) string {
	r.t.Helper()
	began := time.Now()
	cmd := exec.CommandContext(r.t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = r.dir, r.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	r.t.Logf("%s: %.1f s", strings.Join(args, " "), time.Since(began).Seconds())
	return out.String()
}

func (r *repository) mage(args ...string) string {
	r.t.Helper()
	return r.run(append([]string{"go", "tool", "mage"}, args...)...)
}

// fileOf is the text of a file in a tar archive.
func fileOf(t *testing.T, archive io.Reader, name string) string {
	t.Helper()
	for files := tar.NewReader(archive); ; {
		header, err := files.Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if strings.TrimPrefix(header.Name, "/") == name {
			text, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
}
