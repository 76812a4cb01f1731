package engine_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// run runs git in a folder and returns what it prints.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// gitServer serves the bare repositories in root as git's own server does, and asks for the header if there is one.
func gitServer(t *testing.T, root, header string) *website {
	t.Helper()
	backend := filepath.Join(run(t, root, "--exec-path"), "git-http-backend")
	handler := &cgi.Handler{Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	return newWebsite(t, func(w http.ResponseWriter, r *http.Request) {
		if header != "" && r.Header.Get("Authorization") != header {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// newRepository makes root/NAME.git with random files, and returns the folder of its work tree.
func newRepository(t *testing.T, root, name string) (work string) {
	t.Helper()
	work = t.TempDir()
	run(t, work, "init", "-q", "-b", "main")
	commit(t, work, "first")
	run(t, root, "clone", "-q", "--bare", work, name+".git")
	run(t, work, "remote", "add", "origin", filepath.Join(root, name+".git"))
	return work
}

// commit changes some random files and commits them.
func commit(t *testing.T, work, message string) string {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(work, "message"), []byte(message), 0o644))
	for i := range 12 {
		dir := filepath.Join(work, filepath.Join([]string{"a", "b c", "ü", ".hidden"}[:rand.IntN(5)]...))
		must(t, os.MkdirAll(dir, 0o755))
		path := filepath.Join(dir, fmt.Sprintf("file-%d-%d", i, rand.IntN(3)))
		must(t, os.RemoveAll(path))
		switch rand.IntN(5) {
		case 0:
			must(t, os.Symlink([]string{"../x", "/etc/passwd", "message", "nowhere"}[rand.IntN(4)], path))
		case 1:
			must(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
		case 2:
			must(t, os.WriteFile(path, make([]byte, rand.IntN(100_000)), 0o600))
		default:
			must(t, os.WriteFile(path, fmt.Append(nil, rand.Int()), 0o644))
		}
	}
	run(t, work, "add", "-A")
	run(t, work, "commit", "-q", "-m", message)
	return run(t, work, "rev-parse", "HEAD")
}

// files describes all files of a folder without .git: type, mode, target or content.
func files(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		if d.Name() == ".git" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, _ := filepath.Rel(root, path)
		info, err := d.Info()
		must(t, err)
		line := rel + " " + info.Mode().String()
		switch {
		case path == root:
			return nil
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			must(t, err)
			line += " " + target
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			must(t, err)
			line += fmt.Sprintf(" %x", b)
		}
		out = append(out, line)
		return nil
	}))
	return out
}

// archived is a folder with the files of a commit, as git archive writes them.
func archived(t *testing.T, work, commit string) string {
	t.Helper()
	dir := t.TempDir()
	tar := filepath.Join(t.TempDir(), "tree.tar")
	run(t, work, "-c", "tar.umask=022", "archive", "-o", tar, commit)
	if out, err := exec.Command("tar", "-xpf", tar, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func exported(t *testing.T, d *dagger.Directory) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "exported")
	_, err := d.Export(t.Context(), dir)
	must(t, err)
	return dir
}

func sameFiles(t *testing.T, got, want string) {
	t.Helper()
	if g, w := files(t, got), files(t, want); !slices.Equal(g, w) {
		for _, line := range w {
			if !slices.Contains(g, line) {
				t.Errorf("missing %.200s", line)
			}
		}
		for _, line := range g {
			if !slices.Contains(w, line) {
				t.Errorf("too much: %.200s", line)
			}
		}
	}
}

// ways are the two ways to a tree: with BuildKit's git source, and with git on the host.
var ways = map[string]dagger.GitRefTreeOpts{"by BuildKit": {}, "without .git": {DiscardGitDir: true}, "by git": {Depth: 2}, "with all history": {Depth: -1}, "with all tags": {IncludeTags: true}}

func TestTheTreeOfACommitIsThatOfGitArchive(t *testing.T) {
	c := connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	first := commit(t, work, "second")
	run(t, work, "tag", "-a", "v1.0.0", "-m", "annotated")
	second := commit(t, work, "third")
	run(t, work, "push", "-q", "--tags", "origin", "main", "main:other/branch")
	repo := c.Git(gitServer(t, root, "").URL + "/repo.git")
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			for ref, want := range map[*dagger.GitRef]string{
				repo.Branch("main"): second, repo.Head(): second, repo.Commit(first): first, repo.Tag("v1.0.0"): first, repo.Ref("other/branch"): second, repo.LatestVersion(): first,
			} {
				got, err := ref.Commit(t.Context())
				if err != nil || got != want {
					t.Errorf("the commit is %s, %v, want %s", got, err, want)
				}
				dir := exported(t, ref.Tree(opts))
				sameFiles(t, dir, archived(t, work, want))
				_, err = os.Stat(filepath.Join(dir, ".git"))
				if opts.DiscardGitDir != os.IsNotExist(err) {
					t.Errorf(".git: %v", err)
				}
				if opts.DiscardGitDir {
					continue
				}
				if head, status := run(t, dir, "rev-parse", "HEAD"), run(t, dir, "status", "--porcelain"); head != want || status != "" {
					t.Errorf("the checkout is at %s, want %s, status %q", head, want, status)
				}
				run(t, dir, "fsck", "--strict")
			}
		})
	}
	for _, other := range []*dagger.GitRef{repo.Tag("v1.0.0"), c.Host().Directory(work).AsGit().Tag("v1.0.0")} {
		if got, err := repo.Branch("main").CommonAncestor(other).Commit(t.Context()); err != nil || got != first {
			t.Errorf("the common ancestor is %s, %v, want %s", got, err, first)
		}
	}
	dir := exported(t, repo.Branch("other/branch").Tree())
	if got := run(t, dir, "branch", "--show-current"); got != "other/branch" {
		t.Errorf("the current branch is %q", got)
	}
	for depth, want := range map[int]string{1: "1", 2: "2", -1: "3"} {
		if got := run(t, exported(t, repo.Branch("main").Tree(dagger.GitRefTreeOpts{Depth: depth})), "rev-list", "--count", "HEAD"); got != want {
			t.Errorf("depth %d: %s commits, want %s", depth, got, want)
		}
	}
	if got := run(t, exported(t, repo.Branch("main").Tree(dagger.GitRefTreeOpts{IncludeTags: true})), "tag"); got != "v1.0.0" {
		t.Errorf("the tags are %q", got)
	}
}

func TestSubmodulesAreCheckedOut(t *testing.T) {
	c := connect(t, t.TempDir())
	root := t.TempDir()
	newRepository(t, root, "inner")
	work := newRepository(t, root, "outer")
	server := gitServer(t, root, "")
	run(t, work, "submodule", "--quiet", "add", server.URL+"/inner.git", "sub/module")
	commit(t, work, "with a submodule")
	run(t, work, "push", "-q", "origin", "main")
	want := filepath.Join(t.TempDir(), "clone")
	run(t, root, "clone", "-q", "--recurse-submodules", server.URL+"/outer.git", want)
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			sameFiles(t, exported(t, c.Git(server.URL+"/outer.git").Branch("main").Tree(opts)), want)
		})
	}
}

func TestACommitIsFetchedOnceAndAMovedBranchIsSeen(t *testing.T) {
	connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	for name, opts := range map[string]dagger.GitRefTreeOpts{"by BuildKit": {}, "by git": {Depth: 2}} {
		t.Run(name, func(t *testing.T) {
			server := gitServer(t, root, "")
			message := func(want string) {
				t.Helper()
				inSession(t, t.TempDir(), func(c *dagger.Client) {
					got, err := c.Git(server.URL + "/repo.git").Branch("main").Tree(opts).File("message").Contents(t.Context())
					if err != nil || got != want {
						t.Errorf("got %q, %v, want %q", got, err, want)
					}
				})
			}
			fetches := func() int { return server.count("POST /repo.git/git-upload-pack") }
			one := name + time.Now().String()
			commit(t, work, one)
			run(t, work, "push", "-q", "origin", "main")
			message(one)
			before := fetches()
			if before == 0 {
				t.Error("nothing was fetched")
			}
			message(one)
			if fetches() != before {
				t.Errorf("a commit that is known was fetched again, with %d requests", fetches()-before)
			}
			commit(t, work, one+" moved")
			run(t, work, "push", "-q", "origin", "main")
			message(one + " moved")
		})
	}
}

func TestAFetchThatFailedIsTriedAgain(t *testing.T) {
	c := connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	later := commit(t, work, "not pushed "+time.Now().String())
	server := gitServer(t, root, "")
	tree := func() *dagger.Directory { return c.Git(server.URL + "/repo.git").Commit(later).Tree() }
	want := "failed to fetch remote " + server.URL + "/repo.git: git error: sha fetch unsupported by remote"
	if _, err := tree().Entries(t.Context()); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	run(t, work, "push", "-q", "origin", "main")
	if _, err := tree().Entries(t.Context()); err != nil {
		t.Error(err)
	}
}

// A server with the first version of the protocol gives a commit only if a branch or a tag is at it.
func TestAnOldServerGivesATagByItsName(t *testing.T) {
	c := connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	tagged := commit(t, work, "tagged")
	run(t, work, "tag", "-a", "v1", "-m", "annotated")
	commit(t, work, "later")
	run(t, work, "push", "-q", "--tags", "origin", "main")
	server := gitServer(t, root, "")
	inner := server.answer
	server.answer = func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Git-Protocol"); inner(w, r) }
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			sameFiles(t, exported(t, c.Git(server.URL+"/repo.git").Tag("v1").Tree(opts)), archived(t, work, tagged))
		})
	}
}

// git's own daemon, by its own protocol.
func TestARepositoryOfGitDaemon(t *testing.T) {
	c := connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	newest := commit(t, work, time.Now().String())
	run(t, work, "push", "-q", "origin", "main")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	must(t, l.Close())
	daemon := exec.CommandContext(t.Context(), filepath.Join(run(t, root, "--exec-path"), "git-daemon"), "--listen=127.0.0.1", "--port="+port, "--export-all", "--base-path="+root, "--reuseaddr", root)
	daemon.Env = append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
	if err := daemon.Start(); err != nil {
		testenv.Missing(t, err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			must(t, conn.Close())
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			sameFiles(t, exported(t, c.Git("git://127.0.0.1:"+port+"/repo.git").Branch("main").Tree(opts)), archived(t, work, newest))
		})
	}
}

func TestListsOfReferences(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	for _, tag := range []string{"v1.0.0", "v1.10.0", "v1.9.0", "v2.0.0-rc.1", "vx", "release"} {
		run(t, work, "tag", "-a", "-m", tag, tag)
	}
	run(t, work, "push", "-q", "--tags", "origin", "main:feature/a", "main:main")
	server := gitServer(t, root, "")
	repo := c.Git(server.URL + "/repo.git")
	for _, patterns := range [][]string{nil, {"v1*"}, {"v?.0.0"}, {"refs/tags/v*"}, {"v[12].*", "release"}, {"a"}, {"[!v]*"}, {"["}, {"*"}, {"v1.0.0", "main"}} {
		tags, err := repo.Tags(ctx, dagger.GitRepositoryTagsOpts{Patterns: patterns})
		must(t, err)
		branches, err := repo.Branches(ctx, dagger.GitRepositoryBranchesOpts{Patterns: patterns})
		must(t, err)
		var wantTags, wantBranches []string
		for _, line := range strings.Split(run(t, work, append([]string{"ls-remote", server.URL + "/repo.git"}, patterns...)...), "\n") {
			_, name, _ := strings.Cut(line, "\t")
			if tag, ok := strings.CutPrefix(name, "refs/tags/"); ok && !strings.HasSuffix(tag, "^{}") {
				wantTags = append(wantTags, tag)
			}
			if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
				wantBranches = append(wantBranches, branch)
			}
		}
		if !slices.Equal(tags, wantTags) || !slices.Equal(branches, wantBranches) {
			t.Errorf("%q: got %q %q, want %q %q", patterns, tags, branches, wantTags, wantBranches)
		}
	}
	if ref, err := repo.LatestVersion().Ref(ctx); err != nil || ref != "refs/tags/v2.0.0-rc.1" {
		t.Errorf("the latest version is %s, %v", ref, err)
	}
	if address, err := repo.URL(ctx); err != nil || address != server.URL+"/repo.git" {
		t.Errorf("the address is %s, %v", address, err)
	}
}

func TestADirectoryIsARepository(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	tagged := commit(t, work, "second")
	run(t, work, "tag", "v1.0.0")
	must(t, os.WriteFile(filepath.Join(work, "message"), []byte("not committed"), 0o644))
	for name, d := range map[string]*dagger.Directory{
		"a work tree": c.Host().Directory(work), "a bare repository": c.Host().Directory(work + "/.git"), "a part": c.Directory().WithDirectory("x", c.Host().Directory(work)).Directory("x"),
	} {
		t.Run(name, func(t *testing.T) {
			sameFiles(t, exported(t, d.AsGit().Head().Tree()), archived(t, work, tagged))
			tags, err := d.AsGit().Tags(ctx)
			if err != nil || !slices.Equal(tags, []string{"v1.0.0"}) {
				t.Errorf("the tags are %q, %v", tags, err)
			}
		})
	}
	if _, err := c.Directory().WithNewFile("a", "").AsGit().Head().Commit(ctx); err == nil || !strings.HasPrefix(err.Error(), "git error: not a git repository") {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenOfARepositoryIsNowhere(t *testing.T) {
	ctx := t.Context()
	opts := enginetest.Options(t, t.TempDir())
	c := enginetest.Connect(t, opts).Client
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	newest := commit(t, work, time.Now().String())
	run(t, work, "push", "-q", "origin", "main")
	gitToken := fmt.Sprintf("canary-%016x", rand.Uint64())
	encoded := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + gitToken))
	server := gitServer(t, root, "basic "+encoded)
	address := server.URL + "/repo.git"
	secret := c.SetSecret("token", gitToken+"\n") // as from a file

	seen := watchArguments(t, gitToken, encoded)
	repo := c.Git(address, dagger.GitOpts{HTTPAuthToken: secret})
	for name, opts := range ways {
		t.Run(name, func(t *testing.T) {
			sameFiles(t, exported(t, repo.Branch("main").Tree(opts)), archived(t, work, newest))
		})
	}
	header := c.Git(address, dagger.GitOpts{HTTPAuthHeader: c.SetSecret("header", "basic "+encoded)})
	if got, err := header.Head().Commit(ctx); err != nil || got != newest {
		t.Errorf("got %s, %v", got, err)
	}
	user := c.Git(strings.Replace(address, "http://", "http://x-access-token:"+gitToken+"@", 1))
	if got, err := user.Branch("main").Tree().File("message").Contents(ctx); err != nil || got == "" {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := user.URL(ctx); err != nil || got != address {
		t.Errorf("the address is %s, %v", got, err)
	}
	must(t, exec.Command("sh", "-c", "sleep 0.1", gitToken, "planted").Run())
	found := seen()
	if len(found) == 0 {
		t.Error("the test does not see arguments")
	}
	for line := range found {
		if strings.Contains(line, "planted") {
			continue
		}
		t.Errorf("a process has the token as an argument: %s", line)
	}
	// BuildKit asks the session for the header of a download.
	list := c.HTTP(address+"/info/refs?service=git-upload-pack", dagger.HTTPOpts{AuthHeader: c.SetSecret("download", "basic "+encoded)})
	if got, err := list.Contents(ctx); err != nil || !strings.Contains(got, newest) {
		t.Errorf("a download: %q, %v", got, err)
	}
	// A credential helper of the user has the token, too.
	store := filepath.Join(t.TempDir(), "credentials")
	must(t, os.WriteFile(store, []byte(strings.Replace(server.URL, "http://", "http://x-access-token:"+gitToken+"@", 1)+"\n"), 0o600))
	config := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(config, []byte("[credential]\n\thelper = store --file="+store+"\n"), 0o600))
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	if got, err := c.Git(address).Ref("main").Commit(ctx); err != nil || got != newest {
		t.Errorf("with a credential helper: %s, %v", got, err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	if _, err := enginetest.Connect(t, opts).Client.Git(address).Head().Commit(ctx); err == nil || err.Error() != "git error: git authentication failed" {
		t.Errorf("without the token: %v", err)
	}
	// The state has the cache, with its keys, and the log.
	for _, text := range []string{gitToken, encoded} {
		out, _ := exec.Command("grep", "-rlaF", "--", text, opts.StateDir).Output()
		if len(out) > 0 {
			t.Errorf("files with the token:\n%s", out)
		}
	}
}

func TestThePasswordOfAnInvalidAddressIsNotInTheError(t *testing.T) {
	c := connect(t, t.TempDir())
	for _, address := range []string{
		"http://u:canary@host:bad/x", "http://u:can/ary@host/x", "ftp://u:canary@host/x", "ssh://u:canary@127.0.0.1:1/x", "git://u:canary@127.0.0.1:1/x", "http://u:canary@127.0.0.1:1/x",
		"u:canary@127.0.0.1:1/x", "http:u:canary@host/x", "http://u:canary@ho st/x", "http://127.0.0.1:1/x?token=canary", "http://u:%zzcanary@host/",
	} {
		_, ofGit := c.Git(address).Head().Commit(t.Context())
		_, ofHTTP := c.HTTP(address).Contents(t.Context())
		for _, err := range []error{ofGit, ofHTTP} {
			if err == nil || regexp.MustCompile(`can(/?ary|" )`).MatchString(strings.ReplaceAll(err.Error(), "?token=canary", "")) {
				t.Errorf("%s: got %v", address, err)
			}
		}
	}
}

// watchArguments looks at the arguments of all processes until the returned function is called, which returns those with one of the texts.
func watchArguments(t *testing.T, texts ...string) func() map[string]bool {
	t.Helper()
	found, stop, done := map[string]bool{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, path := range paths {
				line, _ := os.ReadFile(path)
				if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(string(line), text) }) {
					found[strings.ReplaceAll(string(line), "\x00", " ")] = true
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() map[string]bool { close(stop); <-done; return found }
}

func TestUncommittedChangesAreThoseOfGit(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	root := t.TempDir()
	work := newRepository(t, root, "repo")
	for name, text := range map[string]string{".gitignore": "*.log\n!kept.log\n", ".gitattributes": "*.crlf text eol=crlf\n*.x filter=evil\n", "windows.crlf": "a\nb\n", "file.x": "x\n", "changed": "1\n", "run": "1\n", "staged": "1\n", "d/gone": "1\n"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(work, name), []byte(text), 0o644))
	}
	commit(t, work, "second")
	must(t, os.Remove(filepath.Join(work, "windows.crlf")))
	run(t, work, "checkout", "-q", "windows.crlf") // with other ends of lines than the commit
	must(t, exec.Command("chmod", "-R", "go+rX", work).Run())
	uncommitted := func(dir string) *dagger.Changeset {
		return c.Host().Directory(dir, dagger.HostDirectoryOpts{NoCache: true}).AsGit().Uncommitted()
	}
	isEmpty := func(name string, changes *dagger.Changeset) {
		t.Helper()
		if empty, err := changes.IsEmpty(ctx); err != nil || !empty {
			t.Errorf("%s: empty %t, %v", name, empty, err)
		}
	}
	isEmpty("a clean work tree", uncommitted(work))

	clean := archived(t, work, "HEAD")
	for name, text := range map[string]string{"changed": "2\n", "staged": "2\n", "new": "2\n", "more/new": "2\n", "ignored.log": "2\n", "kept.log": "2\n"} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(work, name), []byte(text), 0o644))
	}
	must(t, os.Chmod(filepath.Join(work, "run"), 0o755))
	must(t, os.RemoveAll(filepath.Join(work, "d")))
	run(t, work, "add", "staged", "more/new")
	run(t, work, "init", "-q", "other") // git clean does not remove another repository
	evil := filepath.Join(t.TempDir(), "evil")
	run(t, work, "config", "filter.evil.smudge", "touch "+evil+"; cat")
	run(t, work, "config", "filter.evil.clean", "touch "+evil+"; cat")
	run(t, work, "config", "core.fsmonitor", "touch "+evil)

	changes := uncommitted(work)
	for kind, paths := range map[string]func() ([]string, error){
		"AR": func() ([]string, error) { return changes.AddedPaths(ctx) }, "MT": func() ([]string, error) { return changes.ModifiedPaths(ctx) },
		"D": func() ([]string, error) { return changes.RemovedPaths(ctx) },
	} {
		got, err := paths()
		must(t, err)
		want := map[string]string{"AR": "kept.log more/ more/new new", "MT": "changed run staged", "D": "d/"}[kind]
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
	before := exported(t, changes.Before().WithoutDirectory(".git").WithoutFile("ignored.log").WithoutDirectory("other"))
	must(t, os.WriteFile(filepath.Join(clean, "windows.crlf"), []byte("a\r\nb\r\n"), 0o644))
	sameFiles(t, before, clean)
	sameFiles(t, exported(t, changes.After()), work)
	if _, err := os.Stat(evil); err == nil {
		t.Error("a command of the repository ran")
	}
	// Git itself says so, too.
	run(t, work, "config", "--unset", "core.fsmonitor")
	for _, line := range strings.Split(run(t, work, "status", "--porcelain", "--untracked-files=all"), "\n") {
		if name := strings.Fields(line)[1]; !strings.Contains(" kept.log more/new new changed run staged d/gone other/ ", " "+name+" ") {
			t.Errorf("git status: %s", line)
		}
	}
	isEmpty("a bare repository", uncommitted(filepath.Join(work, ".git")))
	server := gitServer(t, root, "")
	isEmpty("a remote repository", c.Git(server.URL+"/repo.git").Uncommitted())
	if _, err := c.Git(server.URL + "/repo.git").Uncommitted().After().File("message").Contents(ctx); err != nil {
		t.Error(err)
	}
}
