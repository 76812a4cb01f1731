package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// sdk is the folder of a pipeline in TypeScript, and of the lock of its packages.
var sdk = filepath.Join("testdata", "sdk")

// The TypeScript SDK of Dagger, from npm, runs a pipeline on the embedded engine: a Redis as a service, and a checkout of a private repository.
// In the end a step stops the Redis that it uses: the error names the service, and has its last lines.
func TestTypeScriptSDK(t *testing.T) {
	testenv.Superuser(t, "services require network namespaces with addresses")
	e2etest.NeedRuntime(t)
	w := newWorkspace(t)
	machine(t, filepath.Join(w.Repo, "machine"))
	token := "canary-" + rand.Text()
	source, url := privateRepository(t, token)
	files := map[string]string{"one.txt": "one\n", "folder/two.txt": "two " + rand.Text() + "\n", "three.md": "not text\n"}
	commit := source.commit(files)
	program := compiled(t)

	s := w.serve()
	cmd := exec.Command("node", program, url, "main", rand.Text())
	cmd.Dir = filepath.Dir(program)
	port := regexp.MustCompile(`:(\d+)/`).FindStringSubmatch(s.address)[1]
	cmd.Env = append(os.Environ(), "DAGGER_SESSION_PORT="+port, "DAGGER_SESSION_TOKEN="+s.token, "GIT_TOKEN="+token)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	ended := s.end()
	if err != nil || ended.Status != 0 {
		t.Fatalf("%v\n%s\n%s\n%+v", err, out, stderr.String(), ended)
	}
	var got struct {
		Commit, Stored, Sums, Head, Failure string
		Entries                             []string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Commit != commit || strings.TrimSpace(got.Head) != commit {
		t.Errorf("commit %q, HEAD %q, want %s", got.Commit, got.Head, commit)
	}
	if want := []string{".git/", "folder/", "one.txt", "three.md"}; !slices.Equal(got.Entries, want) {
		t.Errorf("entries %q, want %q", got.Entries, want)
	}
	if want := "the token is ***\nOK\n"; got.Stored != want {
		t.Errorf("printed %q, want %q", got.Stored, want)
	}
	if want := regexp.MustCompile(`^ExecError: exit code: 1; the service \w+ \(database\) has ended: exit code: 0\n(  database \| .*\n)*  database \| .*Redis is now ready to exit`); !want.MatchString(got.Failure) {
		t.Errorf("the error is %q, want %q", got.Failure, want)
	}
	sums := map[string]string{}
	lines := strings.Split(strings.TrimSpace(got.Sums), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		sums[lines[i]] = lines[i+1]
	}
	want := map[string]string{}
	for _, name := range []string{"one.txt", "folder/two.txt"} {
		want["./"+name] = fmt.Sprintf("%x  -", sha256.Sum256([]byte(files[name])))
	}
	if !maps.Equal(sums, want) {
		t.Errorf("the database has %q, want %q", sums, want)
	}
	for _, text := range []string{string(out), stderr.String(), ended.Stdout, ended.Stderr} {
		if strings.Contains(text, token) {
			t.Errorf("the token was printed: %s", text)
		}
	}
}

// The SDK is that of the Dagger whose answers the engine has.
func TestVersionOfTheSDK(t *testing.T) {
	var manifest struct{ Dependencies map[string]string }
	text, err := os.ReadFile(filepath.Join(sdk, "package.json"))
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(e2etest.Root(), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "dagger.io/dagger v" + manifest.Dependencies["@dagger.io/dagger"] + "\n"; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod does not have %q", want)
	}
}

// compiled is the pipeline, compiled with the types of the SDK.
func compiled(t *testing.T) (program string) {
	t.Helper()
	dir, modules := t.TempDir(), filepath.Join(installed(t), "node_modules")
	if err := errors.Join(e2etest.CopyTree(sdk, dir), os.Symlink(modules, filepath.Join(dir, "node_modules"))); err != nil {
		t.Fatal(err)
	}
	tsc := exec.Command("node", "node_modules/typescript/bin/tsc", "--strict", "--skipLibCheck", "--types", "node", "--target", "es2022", "--module", "nodenext", "pipeline.ts")
	tsc.Dir = dir
	if out, err := tsc.CombinedOutput(); err != nil {
		t.Fatalf("tsc: %v\n%s", err, out)
	}
	return filepath.Join(dir, "pipeline.js")
}

// installed is a folder of the user's cache with the locked packages. It is made once for each lock.
func installed(t *testing.T) string {
	t.Helper()
	testenv.Program(t, "npm", "apt-get install npm")
	lock, err := os.ReadFile(filepath.Join(sdk, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "blumeops", "typescript-sdk", hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	partial := dir + "-" + rand.Text()
	t.Cleanup(func() { _ = os.RemoveAll(partial) }) // it is gone if all went well
	if err := e2etest.CopyTree(sdk, partial); err != nil {
		t.Fatal(err)
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = partial // and the environment of this machine, which has the settings of the registry
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.Rename(partial, dir); err != nil && !errors.Is(err, fs.ErrExist) { // another run was faster
		t.Fatal(err)
	}
	return dir
}

// machine writes the root file system of a container with programs of this machine: Redis with its libraries, and a shell.
func machine(t *testing.T, root string) {
	t.Helper()
	put := func(from, to string) {
		real, err := filepath.EvalSymlinks(from)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(real)
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(root, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"redis-server", "redis-cli"} {
		path := testenv.Program(t, name, "apt-get install redis-server")
		put(path, "bin/"+name)
		libraries, err := exec.Command("ldd", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(/[^ ]+) \(0x`).FindAllStringSubmatch(string(libraries), -1) {
			put(m[1], m[1])
		}
	}
	put(testenv.Program(t, "busybox", "apt-get install busybox-static"), "bin/busybox")
	for _, name := range []string{"sh", "cat", "find", "sha256sum"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
}

// source is a git repository.
type source struct {
	t   *testing.T
	dir string
	env e2etest.Environ
}

// privateRepository serves a new repository with git's own server, which asks the user `ci` for the token.
func privateRepository(t *testing.T, token string) (source, string) {
	t.Helper()
	root := t.TempDir()
	r := source{t, filepath.Join(root, "private.git"), e2etest.Environment(root, "")}
	if err := e2etest.Git(root, r.env, "init", "--quiet", "--initial-branch=main", r.dir); err != nil {
		t.Fatal(err)
	}
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	git := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "ci" || password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "wrong user or token", http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	return r, server.URL + "/private.git"
}

// commit commits the files and returns the commit.
func (r source) commit(files map[string]string) string {
	r.t.Helper()
	for name, text := range files {
		if err := e2etest.WriteNew(filepath.Join(r.dir, name), []byte(text)); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message=Write the files"}} {
		if err := e2etest.Git(r.dir, r.env, args...); err != nil {
			r.t.Fatal(err)
		}
	}
	head := exec.Command("git", "rev-parse", "HEAD")
	head.Dir, head.Env = r.dir, r.env.List()
	out, err := head.Output()
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
