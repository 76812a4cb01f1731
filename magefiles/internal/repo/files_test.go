package repo

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listed is the result that Files must have, according to git.
func (c *clone) listed() []string {
	c.t.Helper()
	submodules := map[string]bool{}
	for line := range strings.Lines(c.git("ls-files", "--stage")) {
		if meta, name, _ := strings.Cut(strings.TrimSpace(line), "\t"); strings.HasPrefix(meta, "160000 ") {
			submodules[name] = true
		}
	}
	list := strings.Split(c.git("ls-files", "--cached", "--others", "--exclude-standard", "-z"), "\x00")
	list = slices.DeleteFunc(list, func(name string) bool {
		info, err := os.Lstat(filepath.Join(c.dir, name))
		if folder, _ := filepath.EvalSymlinks(filepath.Join(c.dir, filepath.Dir(name))); folder != filepath.Join(c.dir, filepath.Dir(name)) {
			return true // still in the index, but beyond a link now
		}
		return name == "" || strings.HasSuffix(name, "/") || submodules[name] || err != nil || info.IsDir()
	})
	slices.Sort(list)
	return slices.Compact(list)
}

// agreeOnFiles compares Files with git.
func (c *clone) agreeOnFiles() {
	c.t.Helper()
	got, err := c.open().Files(c.t.Context())
	if want := c.listed(); err != nil || !slices.Equal(got, want) {
		c.t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

func TestFiles(t *testing.T) {
	c := fixture(t)
	c.agreeOnFiles()
	c.write("new ä.txt", "x")
	c.write("n.log", "ignored")
	c.symlink("nowhere", "dangling")
	c.remove("a.txt")
	c.git("rm", "-q", "--cached", "dir/b.txt")
	c.agreeOnFiles()
	got, err := c.open().Files(t.Context())
	if err != nil || !slices.Contains(got, "dangling") || !slices.Contains(got, "dir/b.txt") || slices.Contains(got, "a.txt") || slices.Contains(got, "n.log") {
		t.Errorf("got %q, %v", got, err)
	}
}

// The files of a folder are those of git, with those of its submodules.
func TestFilesWithin(t *testing.T) {
	c := fixture(t)
	c.submodule()
	c.commit("with a submodule")
	c.write("sub/new", "x")
	within := func(dir string, want ...string) {
		t.Helper()
		if got, err := c.open().FilesWithin(t.Context(), dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", dir, got, err, want)
		}
	}
	within("sub", "sub/f", "sub/new")
	within("dir", "dir/b.txt", "dir/deep/c.txt")
	all := slices.DeleteFunc(append(c.listed(), "sub/f", "sub/new"), func(name string) bool { return name == "sub" })
	slices.Sort(all)
	within(".", all...)
	c.remove("sub")
	c.mkdir("sub")
	var missing *MissingError
	if got, err := c.open().FilesWithin(t.Context(), "."); !errors.As(err, &missing) {
		t.Errorf("a submodule that is not checked out: %q, %v", got, err)
	}
	within("dir", "dir/b.txt", "dir/deep/c.txt")
}

// The files of a folder, from that folder, also through a symbolic link.
func TestFilesBelow(t *testing.T) {
	c := fixture(t)
	c.write("dir/n.log", "ignored")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(c.dir, "dir"), link); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{filepath.Join(c.dir, "dir"), link} {
		got, err := c.open().FilesBelow(t.Context(), folder)
		if want := []string{"b.txt", "deep/c.txt"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", folder, got, err, want)
		}
	}
	if got, err := c.open().FilesBelow(t.Context(), c.dir); err != nil || !slices.Equal(got, c.listed()) {
		t.Errorf("the root: %q, %v; want %q", got, err, c.listed())
	}
}

func TestFilesBeforeTheFirstCommit(t *testing.T) {
	c := newClone(t)
	c.write("one", "x")
	c.agreeOnFiles()
}

func TestSince(t *testing.T) {
	c := fixture(t)
	c.git("tag", "v1")
	c.write("committed", "x")
	c.git("rm", "-q", "dir/b.txt")
	c.commit("two")
	c.write("a.txt", "edited")
	c.write("untracked", "x")
	since := func(revision string) []string {
		t.Helper()
		got, err := c.open().Since(t.Context(), revision)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := []string{"a.txt", "committed", "dir/b.txt", "untracked"}
	for _, revision := range []string{"v1", "HEAD~1", c.git("rev-parse", "v1^{commit}"), c.git("rev-parse", "v1^{commit}")[:12]} {
		if got := since(revision); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", revision, got, want)
		}
	}
	if got := since("HEAD"); !slices.Equal(got, []string{"a.txt", "untracked"}) {
		t.Errorf("got %q", got)
	}
	// A file that another branch added after the stash was made is not ours.
	c.git("stash", "-q", "-u")
	c.git("checkout", "-q", "-b", "feature", "v1")
	c.write("of the feature", "x")
	c.commit("feature")
	if got := since("main"); !slices.Equal(got, []string{"of the feature"}) {
		t.Errorf("got %q", got)
	}
	if _, err := c.open().Since(t.Context(), "no-such"); !errors.Is(err, ErrUnknownCommit) || !strings.Contains(err.Error(), `"no-such"`) {
		t.Errorf("got %v", err)
	}
}

func TestDefaultHistory(t *testing.T) {
	_, c := forge(t)
	first := c.git("rev-parse", "HEAD")
	second := c.commit("two")
	c.git("push", "-q", "origin", "main")
	unpushed := c.commit("three")
	a, err := c.open().DefaultHistory(t.Context())
	if err != nil || a.Cut {
		t.Fatalf("got %+v, %v", a, err)
	}
	for commit, want := range map[string]bool{
		first: true, second: true, second[:7]: true, strings.ToUpper(second[:9]): true, unpushed: false, unpushed[:12]: false, "": false,
	} {
		if a.Holds(commit) != want {
			t.Errorf("%q: want %v", commit, want)
		}
	}
	shallow := c.at(filepath.Join(t.TempDir(), "shallow"))
	c.git("clone", "-q", "--depth=1", "file://"+c.git("remote", "get-url", "origin"), shallow.dir)
	a, err = shallow.open().DefaultHistory(t.Context())
	if err != nil || !a.Cut || a.Holds(first) || !a.Holds(second) {
		t.Errorf("got %+v, %v", a, err)
	}
}
