package imported

import (
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
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
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
	for name, text := range map[string][]byte{"list": nil, version + ".info": info, version + ".mod": mod, version + ".zip": content.Bytes()} {
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

// repository is another one.
type repository struct {
	t   *testing.T
	dir string
	env []string
}

// newRepository is a repository with a go.mod of its own and the files of an archive.
func newRepository(t *testing.T, files map[string]string) repository {
	t.Helper()
	at, version := proxy(t)
	cache := goEnv(t, "GOMODCACHE")
	t.Cleanup(func() { forget(t, cache, version) })
	work := t.TempDir()
	r := repository{t: t, dir: filepath.Join(work, "homelab"), env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(work, "home"), "TERM=dumb", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A Test", "GIT_AUTHOR_EMAIL=test@example.test", "GIT_COMMITTER_NAME=A Test", "GIT_COMMITTER_EMAIL=test@example.test",
		"GOMODCACHE=" + cache, "GOCACHE=" + goEnv(t, "GOCACHE"), "GOTOOLCHAIN=" + goEnv(t, "GOTOOLCHAIN"),
		"GOPROXY=file://" + at + "," + goEnv(t, "GOPROXY"), "GOSUMDB=off", // this module's go.sum has the sums of all others
	}}
	for name, text := range files {
		write(t, filepath.Join(r.dir, name), strings.ReplaceAll(text, "VERSION", version))
	}
	r.run("git", "init", "--quiet", "--initial-branch=main")
	r.run("go", "mod", "tidy")
	r.run("git", "add", "--all")
	r.run("git", "commit", "--quiet", "--message=Begin")
	return r
}

// run runs a command in the repository and returns what it prints on stdout.
func (r repository) run(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = r.dir, r.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		r.t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

func (r repository) mage(args ...string) string {
	r.t.Helper()
	return r.run(append([]string{"go", "tool", "mage"}, args...)...)
}

func (r repository) String() string { return fmt.Sprintf("repository in %s", r.dir) }
