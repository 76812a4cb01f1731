package engine_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

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
