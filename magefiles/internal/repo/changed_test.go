package repo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChangedAgreesWithGit(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(c *clone)
		want []string // that must be among the changes; nil: the tree is clean
	}{
		{"clean", func(*clone) {}, nil},
		{"modified", func(c *clone) { c.write("a.txt", "other") }, []string{"a.txt"}},
		{"modified, same size", func(c *clone) { c.write("a.txt", "two") }, []string{"a.txt"}},
		{"touched", func(c *clone) { c.write("a.txt", "one") }, nil},
		{"staged", func(c *clone) { c.write("a.txt", "other"); c.git("add", "a.txt") }, []string{"a.txt"}},
		{"staged and undone", func(c *clone) { c.write("a.txt", "x"); c.git("add", "a.txt"); c.write("a.txt", "one") }, []string{"a.txt"}},
		{"staged new", func(c *clone) { c.write("new", ""); c.git("add", "new") }, []string{"new"}},
		{"intent to add", func(c *clone) { c.write("new", "x"); c.git("add", "-N", "new") }, []string{"new"}},
		{"deleted", func(c *clone) { c.remove("a.txt") }, []string{"a.txt"}},
		{"folder deleted", func(c *clone) { c.remove("dir") }, []string{"dir/b.txt", "dir/deep/c.txt"}},
		{"staged deletion", func(c *clone) { c.git("rm", "-q", "a.txt") }, []string{"a.txt"}},
		{"removed from the index alone", func(c *clone) { c.git("rm", "-q", "--cached", "a.txt") }, []string{"a.txt"}},
		{"renamed", func(c *clone) { c.git("mv", "a.txt", "z.txt") }, []string{"a.txt", "z.txt"}},
		{"untracked", func(c *clone) { c.write("x/y/z", "") }, []string{"x/y/z"}},
		{"untracked beside tracked", func(c *clone) { c.write("dir/deep/new", "") }, []string{"dir/deep/new"}},
		{"empty folder", func(c *clone) { c.mkdir("empty/er") }, nil},
		{"odd names", func(c *clone) { c.write("ä ö\n\"x", "") }, []string{"ä ö\n\"x"}},
		{"executable", func(c *clone) { c.chmod("a.txt", 0o755) }, []string{"a.txt"}},
		{"group bits alone", func(c *clone) { c.chmod("a.txt", 0o664) }, nil},
		{"executable, not counted", func(c *clone) { c.git("config", "core.fileMode", "false"); c.chmod("a.txt", 0o755) }, nil},
		{"file becomes link", func(c *clone) { c.remove("a.txt"); c.symlink("dir/b.txt", "a.txt") }, []string{"a.txt"}},
		{"link elsewhere", func(c *clone) { c.remove("link"); c.symlink("b.txt", "link") }, []string{"link"}},
		{"link made again", func(c *clone) { c.remove("link"); c.symlink("a.txt", "link") }, nil},
		{"dangling link", func(c *clone) { c.symlink("/nowhere", "loose") }, []string{"loose"}},
		{"file becomes folder", func(c *clone) { c.remove("a.txt"); c.write("a.txt/x", "") }, []string{"a.txt", "a.txt/x"}},
		{"folder becomes link", func(c *clone) {
			c.write("copy/b.txt", "b")
			c.git("add", "copy")
			c.remove("dir")
			c.symlink("copy", "dir")
		}, []string{"dir", "dir/b.txt"}},
		{"link to a folder is not entered", func(c *clone) { c.symlink("dir", "other") }, []string{"other"}},
		{"ignored", func(c *clone) { c.write("x.log", ""); c.write("dir/x.log", ""); c.write("build/deep/x", "") }, nil},
		{"tracked in an ignored folder", func(c *clone) { c.write("build/kept", "changed"); c.write("build/new", "") }, []string{"build/kept"}},
		{"un-ignored", func(c *clone) { c.write("keep.log", "") }, []string{"keep.log"}},
		{"ignored in a folder", func(c *clone) {
			c.write("dir/.gitignore", "*\n!.gitignore\n!/b.txt\n!deep/\n")
			c.write("dir/n", "")
			c.write("dir/deep/n", "")
		}, []string{"dir/.gitignore"}},
		{"info/exclude", func(c *clone) { c.write(".git/info/exclude", "*.tmp\n"); c.write("x.tmp", "") }, nil},
		{"user's excludes", func(c *clone) { c.at(c.home).write(".config/git/ignore", "*.swp\n"); c.write("x.swp", "") }, nil},
		{"excludes named by the user", func(c *clone) {
			c.at(c.home).write(".gitconfig", "[include]\n\tpath = more\n")
			c.at(c.home).write("more", "[core]\n\texcludesFile = ~/mine\n")
			c.at(c.home).write("mine", "*.swp\n")
			c.write("x.swp", "")
		}, nil},
		{"system's excludes", func(c *clone) {
			c.at(c.home).write("system", "[core]\n\texcludesFile = "+c.home+"/sys\n")
			c.at(c.home).write("sys", "*.swp\n")
			c.write("x.swp", "")
		}, nil},
		{"repository inside", func(c *clone) {
			c.mkdir("inner")
			in := c.at(filepath.Join(c.dir, "inner"))
			in.git("init", "-q")
			in.write("x", "")
		}, []string{"inner/"}},
		{"line ends", func(c *clone) {
			c.git("config", "core.autocrlf", "true")
			c.remove("lines")
			c.git("checkout", "-q", "lines") // as CRLF
			c.write("lines", "one\r\ntwo\r\n")
		}, nil},
		{"line ends and more", func(c *clone) {
			c.git("config", "core.autocrlf", "true")
			c.remove("lines")
			c.git("checkout", "-q", "lines")
			c.write("lines", "one\r\ntwO\r\n")
		}, []string{"lines"}},
		{"line ends of another size", func(c *clone) {
			c.git("config", "core.autocrlf", "true")
			c.write("lines", "one\r\ntwo\r\n")
		}, []string{"lines"}},
		{"submodule", func(c *clone) { c.submodule() }, []string{".gitmodules", "sub"}},
		{"submodule, committed", func(c *clone) { c.submodule(); c.commit("sub") }, nil},
		{"submodule, dirty", func(c *clone) { c.submodule(); c.commit("sub"); c.write("sub/f", "x") }, []string{"sub"}},
		{"submodule, moved on", func(c *clone) { c.submodule(); c.commit("sub"); c.at(filepath.Join(c.dir, "sub")).commit("on") }, []string{"sub"}},
		{"submodule, not initialised", func(c *clone) {
			c.submodule()
			c.commit("sub")
			c.git("submodule", "--quiet", "deinit", "-f", "sub")
		}, nil},
		{"conflict", func(c *clone) {
			c.git("checkout", "-q", "-b", "side")
			c.write("a.txt", "side")
			c.commit("side")
			c.git("checkout", "-q", "main")
			c.write("a.txt", "main")
			c.commit("main")
			_ = c.command("merge", "-q", "side").Run() // it fails: a conflict
		}, []string{"a.txt"}},
		{"index version 4", func(c *clone) { c.git("update-index", "--index-version", "4"); c.write("dir/b.txt", "x") }, []string{"dir/b.txt"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := fixture(t)
			c.settle("a.txt", "dir/b.txt", "lines")
			tt.do(c)
			got := c.agree()
			for _, w := range tt.want {
				if !slices.Contains(got, w) {
					t.Errorf("%q is not among %q", w, got)
				}
			}
			if tt.want == nil && len(got) > 0 {
				t.Errorf("not clean: %q", got)
			}
		})
	}
}

// fixture is a clean checkout with many kinds of files.
func fixture(t testing.TB) *clone {
	c := newClone(t)
	c.write(".gitignore", "*.log\n!keep.log\n/build/\n")
	c.write("a.txt", "one")
	c.write("lines", "one\ntwo\n")
	c.write("dir/b.txt", "b")
	c.write("dir/deep/c.txt", "c")
	c.write("build/kept", "tracked all the same")
	c.symlink("a.txt", "link")
	c.git("add", "-f", "build/kept")
	c.commit("first")
	return c
}

func (c *clone) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *clone) remove(name string) { c.t.Helper(); c.must(os.RemoveAll(filepath.Join(c.dir, name))) }
func (c *clone) mkdir(name string) {
	c.t.Helper()
	c.must(os.MkdirAll(filepath.Join(c.dir, name), 0o755))
}
func (c *clone) chmod(name string, mode os.FileMode) {
	c.t.Helper()
	c.must(os.Chmod(filepath.Join(c.dir, name), mode))
}
func (c *clone) symlink(target, name string) {
	c.t.Helper()
	c.must(os.Symlink(target, filepath.Join(c.dir, name)))
}

func (c *clone) submodule() {
	c.t.Helper()
	lib := c.at(c.t.TempDir())
	lib.git("init", "-q", "-b", "main")
	lib.write("f", "lib")
	lib.commit("lib")
	c.git("submodule", "--quiet", "add", lib.dir, "sub")
}

func TestChangedUnder(t *testing.T) {
	c := fixture(t)
	c.write("a.txt", "x")
	c.write("dir/deep/c.txt", "x")
	c.write("dir/deeper", "x")
	c.write("dirt", "x")
	for _, under := range [][]string{{"dir"}, {"dir/deep"}, {"dir/deep/", "a.txt"}, {"."}, {"build"}, {"./dir/deep/c.txt"}} {
		if got := c.agree(under...); len(got) == 0 && under[0] != "build" {
			t.Errorf("%q: nothing", under)
		}
	}
	if got, err := c.open().Changed(t.Context(), "absent"); err != nil || len(got) != 0 {
		t.Errorf("%q %v", got, err)
	}
}

func TestChangedBeforeTheFirstCommit(t *testing.T) {
	c := newClone(t)
	c.write("a", "x")
	c.write("b", "x")
	c.git("add", "a")
	if got := c.agree(); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

func TestChangedInLinkedWorktree(t *testing.T) {
	c := fixture(t)
	c.write(".git/info/exclude", "*.tmp\n")
	dir := filepath.Join(t.TempDir(), "linked")
	c.git("worktree", "add", "-q", "-b", "other", dir)
	linked := c.at(dir)
	if got := linked.agree(); len(got) != 0 {
		t.Errorf("not clean: %q", got)
	}
	linked.write("x.tmp", "")
	linked.write("a.txt", "x")
	linked.write("new", "x")
	if got := linked.agree(); len(got) != 2 {
		t.Errorf("%q", got)
	}
	if got := c.agree(); len(got) != 0 {
		t.Errorf("the first work tree is not clean: %q", got)
	}
}

func TestChangedIgnoresUserWithoutEnvironment(t *testing.T) {
	c := fixture(t)
	c.at(c.home).write(".config/git/ignore", "*.swp\n")
	c.write("x.swp", "")
	r, err := Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Changed(t.Context()); err != nil || !slices.Equal(got, []string{"x.swp"}) {
		t.Errorf("%q %v", got, err)
	}
}

func TestChangedEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fixture(t).open().Changed(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

// TestChangedAgreesOnRandomEdits makes many random edits, the same in every run.
func TestChangedAgreesOnRandomEdits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c := fixture(t)
	names := []string{"a.txt", "dir/b.txt", "dir/deep/c.txt", "build/kept", "build/n", "n.log", "dir/n", "keep.log", "lines", "dir/.gitignore"}
	for range 60 {
		name := names[r.IntN(len(names))]
		switch r.IntN(7) {
		case 0:
			c.remove(name)
		case 1:
			c.write(name, fmt.Sprint("*", r.IntN(3), "\n"))
		case 2:
			c.write(name, "b\n*.txt\n!/b.txt\n")
		case 3:
			_ = c.command("add", name).Run() // fails for an ignored or missing file
		case 4:
			c.git("commit", "-q", "--allow-empty", "-m", "x")
		case 5:
			if _, err := os.Lstat(filepath.Join(c.dir, name)); err == nil {
				c.chmod(name, []os.FileMode{0o644, 0o755}[r.IntN(2)])
			}
		case 6:
			_ = c.command("checkout", "-q", "HEAD", "--", name).Run() // fails for a file that HEAD does not have
		}
		c.agree()
	}
}

// many is a checkout of 5,000 files and an ignored folder of as many.
func many(b *testing.B) *clone {
	c := newClone(b)
	c.write(".gitignore", "node_modules/\n*.log\n")
	for i := range 5000 {
		c.write(fmt.Sprintf("d%02d/e%d/f%d.txt", i%50, i%7, i), strings.Repeat("x", i%2000))
		c.write(fmt.Sprintf("node_modules/p%d/i%d.js", i%200, i), "")
	}
	c.commit("many")
	c.git("status")
	return c
}

func BenchmarkChanged(b *testing.B) {
	c := many(b)
	r := c.open()
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if got, err := r.Changed(b.Context()); err != nil || len(got) != 0 {
				b.Fatal(got, err)
			}
		}
	})
	b.Run("git-status", func(b *testing.B) {
		for b.Loop() {
			if got := c.status(); len(got) != 0 {
				b.Fatal(got)
			}
		}
	})
}

// TestIgnored compares with git ls-files.
func TestIgnored(t *testing.T) {
	c := newClone(t)
	c.submodule()
	c.write(".gitignore", "*.log\n/build/\nkept/*\n!kept/this\nnode_modules\n")
	c.write("app/f", "x")
	c.write("kept/this", "x")
	c.write("build/tracked", "x")
	c.git("add", "-f", "build/tracked", "kept/this")
	c.commit("one")
	c.write(".git/info/exclude", "secret\n")
	c.at(c.home).write(".config/git/ignore", "*.swp\n")
	for _, name := range []string{
		"a.log", "app/b.log", "app/secret", "app/x.swp", "app/new", "build/made", "build/deep/made", "kept/that", "app/node_modules/a/b.js", "app/deep/node_modules/c.js",
		"sub/f.swp", "sub/untracked",
	} {
		c.write(name, "x")
	}
	c.symlink("nowhere", "app/l.log")
	c.at(c.dir+"/app/node_modules/a").git("init", "-q")
	git := func(dir string, under ...string) (list []string) {
		out := c.at(filepath.Join(c.dir, dir)).git(append([]string{"ls-files", "--others", "--ignored", "--exclude-standard", "--"}, under...)...)
		for _, name := range strings.Fields(out) {
			list = append(list, filepath.Join(dir, name))
		}
		return list
	}
	for _, under := range [][]string{{"."}, {"app"}, {"app/node_modules", "kept"}, {"build/deep"}, {"absent"}, {"sub"}} {
		want := git(".", under...)
		if under[0] == "." || under[0] == "sub" {
			want = append(want, git("sub")...)
		}
		got, err := c.open().Ignored(t.Context(), under, func(string) bool { return true })
		for i, name := range want {
			if strings.HasSuffix(name, "node_modules/a") { // git names a repository, and does not enter it; a build reads its files
				want[i] += "/b.js"
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if err != nil || len(want) < someIgnored && !slices.Equal(got, want) || len(want) >= someIgnored && len(got) != someIgnored {
			t.Errorf("%q:\ngot  %q, %v\nwant %q", under, got, err, want)
		}
	}
	got, err := c.open().Ignored(t.Context(), []string{"app"}, func(name string) bool { return strings.HasSuffix(name, "secret") })
	if err != nil || !slices.Equal(got, []string{"app/secret"}) {
		t.Errorf("%q, %v", got, err)
	}
}
