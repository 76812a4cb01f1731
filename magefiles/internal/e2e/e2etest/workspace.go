package e2etest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"github.com/rogpeppe/go-internal/txtar"
)

// CommitAll commits what was changed, if anything was, and pushes it.
func (w *Workspace) CommitAll(message string) {
	w.T.Helper()
	for _, args := range [][]string{
		{"add", "--all"}, {"commit", "--quiet", "--allow-empty", "--message=" + message},
		{"push", "--quiet", filepath.Join(w.Dir, "origin.git"), "main"}, {"update-ref", "refs/remotes/origin/main", "main"},
	} {
		if err := Git(w.Repo, w.Env, args...); err != nil {
			w.T.Fatal(err)
		}
	}
}

// Git runs git in the repository and returns what it says.
func (w *Workspace) Git(args ...string) string {
	w.T.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = w.Repo, w.Env.List()
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.T.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Edit replaces a text of a file, which has to be there.
func (w *Workspace) Edit(name, from, to string) {
	w.T.Helper()
	text, err := os.ReadFile(filepath.Join(w.Repo, name))
	if err != nil || !strings.Contains(string(text), from) {
		w.T.Fatalf("%s: %v, and no %q", name, err, from)
	}
	w.Write(name, strings.ReplaceAll(string(text), from, to))
}

// Workspace is what one test runs mage in: a git repository, a home and a cache of its own.
type Workspace struct {
	T    testing.TB
	Dir  string // folder of it all
	Repo string // the repository, where mage runs
	Env  Environ
}

// NewWorkspace makes a workspace that goes with the test.
func NewWorkspace(t testing.TB) *Workspace {
	t.Helper()
	work := t.TempDir()
	env, err := furnish(work, state(t))
	if err != nil {
		t.Fatal(err)
	}
	return &Workspace{T: t, Dir: work, Repo: filepath.Join(work, "repo"), Env: env}
}

// state is the folder of the engine that the tests share.
func state(t testing.TB) string {
	if dir := os.Getenv("BLUMEOPS_ENGINE_STATE"); dir != "" {
		return dir
	}
	return testenv.EngineState(t)
}

// furnish makes the folders of a workspace, with the repository of repo.txtar committed and pushed, and returns the
// environment for mage there.
func furnish(work, engineState string) (Environ, error) {
	for _, dir := range []string{"home", "cache", "tmp"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return nil, err
		}
	}
	env := Environment(work, engineState)
	return env, makeRepository(work, env)
}

// Clone is a workspace for another test in the same folders. It has an environment of its own.
func (w *Workspace) Clone(t testing.TB) *Workspace {
	return &Workspace{T: t, Dir: w.Dir, Repo: w.Repo, Env: maps.Clone(w.Env)}
}

// Environ is the environment of a process.
type Environ map[string]string

// passedOn are variables of this process that mage gets. Those of proxies and certificates belong to the settings of the engine, which
// would be restarted if they differed.
var passedOn = []string{
	"PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy", "BUILDKIT_HOST",
}

// Environment is that of mage in a folder, with an engine.
func Environment(work, engineState string) Environ {
	env := Environ{
		"HOME": filepath.Join(work, "home"), "XDG_CACHE_HOME": filepath.Join(work, "cache"), "TMPDIR": filepath.Join(work, "tmp"),
		"BLUMEOPS_ENGINE_STATE": engineState, "BLUMEOPS_ENGINE": "embedded", "BLUMEOPS_REGISTRY_USER": "none",
		"BLUMEOPS_ENGINE_CACHE": strconv.Itoa(testenv.EngineCacheBytes),
		"DOCKER_HOST":           "unix://" + filepath.Join(work, "no-docker.sock"), "TERM": "dumb",
		"GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A Test", "GIT_AUTHOR_EMAIL": "test@example.test",
		"GIT_COMMITTER_NAME": "A Test", "GIT_COMMITTER_EMAIL": "test@example.test",
		"GIT_AUTHOR_DATE": "2026-02-03T04:05:06Z", "GIT_COMMITTER_DATE": "2026-02-03T04:05:06Z",
	}
	for _, name := range passedOn {
		if value, set := os.LookupEnv(name); set {
			env[name] = value
		}
	}
	for name, value := range setup.goEnv {
		env[name] = value
	}
	env["PATH"] = setup.bin + string(filepath.ListSeparator) + env["PATH"]
	return env
}

// List is what package exec wants.
func (e Environ) List() []string {
	var list []string
	for name, value := range e {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// sourceURL is where the remote says that it is, with a password that must not be repeated anywhere.
const (
	sourceURL   = "https://forge.example.test/shop/shop"
	GitPassword = "canary-git-1f0c9d"
)

// makeRepository commits the files of repo.txtar to main and pushes them to a bare remote, which then gets the address
// of a forge.
func makeRepository(work string, env Environ) error {
	archive := txtar.Parse(repository)
	dir := filepath.Join(work, "repo")
	for _, file := range archive.Files {
		if err := WriteNew(filepath.Join(dir, filepath.FromSlash(file.Name)), file.Data); err != nil {
			return err
		}
	}
	bare := filepath.Join(work, "origin.git")
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", bare},
		{"init", "--quiet", "--initial-branch=main", "."},
		{"add", "--all"},
		{"commit", "--quiet", "--message=Open the shop"},
		{"remote", "add", "origin", bare},
		{"push", "--quiet", "origin", "main"},
		{"remote", "set-head", "origin", "main"},
	} {
		if err := Git(dir, env, args...); err != nil {
			return err
		}
	}
	return setURL(filepath.Join(dir, ".git", "config"), bare, strings.Replace(sourceURL, "//", "//ci:"+GitPassword+"@", 1)+".git")
}

// setURL is git remote set-url without a command line, on which tests that run at the same time look for this password.
func setURL(file, from, to string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), from) {
		return fmt.Errorf("%s has no %s", file, from)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644)
}

// WriteNew leaves a file that is there already as it is.
func WriteNew(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

// Git runs git in a folder.
func Git(dir string, env Environ, args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, env.List()
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New("git " + strings.Join(args, " ") + ": " + string(out))
	}
	return nil
}

// Write writes a file of the repository.
func (w *Workspace) Write(name, text string) {
	w.T.Helper()
	path := filepath.Join(w.Repo, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.T.Fatal(err)
	}
}

// Read reads a file of the repository.
func (w *Workspace) Read(name string) string {
	w.T.Helper()
	text, err := os.ReadFile(filepath.Join(w.Repo, filepath.FromSlash(name)))
	if err != nil {
		w.T.Fatal(err)
	}
	return string(text)
}

// Command is mage with arguments, not started yet.
func (w *Workspace) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(setup.bin, "mage"), args...)
	cmd.Dir, cmd.Env = w.Repo, w.Env.List()
	return cmd
}

// Shims is a folder with a go command that runs the mage that these tests have compiled in place of go tool mage, which would compile the same in
// each clone. All else is Go's own.
func (w *Workspace) Shims() string {
	w.T.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		w.T.Fatal(err)
	}
	dir := filepath.Join(w.Dir, "shims")
	text := "#!/bin/sh\nif [ \"$1 $2\" = 'tool mage' ]; then shift 2; exec '" + Binary() + "' \"$@\"; fi\nexec '" + real + "' \"$@\"\n"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		w.T.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(text), 0o755); err != nil {
		w.T.Fatal(err)
	}
	return dir
}

// Outcome is what a run of mage came to.
type Outcome struct {
	Stdout, Stderr string
	Status         int
}

// Run runs mage.
func (w *Workspace) Run(args ...string) Outcome {
	w.T.Helper()
	cmd := w.Command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.T.Fatal(err)
	}
	return Outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// Mage runs mage, which must succeed, and returns its standard output.
func (w *Workspace) Mage(args ...string) string {
	w.T.Helper()
	got := w.Run(args...)
	if got.Status != 0 {
		w.T.Fatalf("mage %s: status %d\n%s%s", strings.Join(args, " "), got.Status, got.Stdout, got.Stderr)
	}
	return strings.TrimSuffix(got.Stdout, "\n")
}
