package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// world is what one test runs mage in: a git repository, a home and a cache of its own.
type world struct {
	t    testing.TB
	work string // folder of it all
	repo string // the repository, where mage runs
	env  environ
}

func newWorld(t testing.TB) *world {
	t.Helper()
	work := t.TempDir()
	env, err := furnish(work, state(t))
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, work: work, repo: filepath.Join(work, "repo"), env: env}
}

// state is the folder of the engine that the tests share.
func state(t testing.TB) string {
	if dir := os.Getenv("BLUMEOPS_ENGINE_STATE"); dir != "" {
		return dir
	}
	return enginetest.State(t)
}

// furnish makes the folders of a world in work, with the repository of testdata/repo.txtar committed and pushed, and returns the
// environment for mage there.
func furnish(work, engineState string) (environ, error) {
	for _, dir := range []string{"home", "cache", "tmp"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return nil, err
		}
	}
	env := environment(work, engineState)
	return env, makeRepository(work, env)
}

// environ is the environment of a process.
type environ map[string]string

// passedOn are variables of this process that mage gets. Those of proxies and certificates belong to the settings of the engine, which
// would be restarted if they differed.
var passedOn = []string{
	"PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
	"http_proxy", "https_proxy", "no_proxy", "all_proxy", "BUILDKIT_HOST",
}

func environment(work, engineState string) environ {
	env := environ{
		"HOME": filepath.Join(work, "home"), "XDG_CACHE_HOME": filepath.Join(work, "cache"), "TMPDIR": filepath.Join(work, "tmp"),
		"BLUMEOPS_ENGINE_STATE": engineState, "BLUMEOPS_ENGINE": "embedded", "BLUMEOPS_REGISTRY_USER": "none",
		"BLUMEOPS_ENGINE_CACHE": strconv.Itoa(daemon.DefaultCacheBytes), // a setting too, which the shared engine has as enginetest sets it
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

// list is what package exec wants.
func (e environ) list() []string {
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
	gitPassword = "canary-git-1f0c9d"
)

// makeRepository commits the files of testdata/repo.txtar to main and pushes them to a bare remote, which then gets the address
// of a forge.
func makeRepository(work string, env environ) error {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "repo.txtar"))
	if err != nil {
		return err
	}
	dir := filepath.Join(work, "repo")
	for _, file := range archive.Files {
		if err := writeNew(filepath.Join(dir, filepath.FromSlash(file.Name)), file.Data); err != nil {
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
		{"remote", "set-url", "origin", strings.Replace(sourceURL, "//", "//ci:"+gitPassword+"@", 1) + ".git"},
	} {
		if err := git(dir, env, args...); err != nil {
			return err
		}
	}
	return nil
}

// writeNew leaves a file that is there already as it is.
func writeNew(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func git(dir string, env environ, args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, env.list()
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New("git " + strings.Join(args, " ") + ": " + string(out))
	}
	return nil
}

// write writes a file of the repository.
func (w *world) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.repo, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// command is mage with arguments, not started yet.
func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(setup.bin, "mage"), args...)
	cmd.Dir, cmd.Env = w.repo, w.env.list()
	return cmd
}

// outcome is what a run of mage came to.
type outcome struct {
	stdout, stderr string
	status         int
}

func (w *world) run(args ...string) outcome {
	w.t.Helper()
	cmd := w.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// mage runs mage, which must succeed, and returns its standard output.
func (w *world) mage(args ...string) string {
	w.t.Helper()
	got := w.run(args...)
	if got.status != 0 {
		w.t.Fatalf("mage %s: status %d\n%s%s", strings.Join(args, " "), got.status, got.stdout, got.stderr)
	}
	return strings.TrimSuffix(got.stdout, "\n")
}
