package repo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// borrowers are clones that borrow objects from others in every way that git supports.
func borrowers(t *testing.T) map[string]*clone {
	t.Helper()
	remote, c := forge(t)
	for n := range 12 {
		c.write("dir/b.txt", strings.Repeat("y", n))
		c.commit("more")
	}
	c.git("push", "-q", "origin", "main")
	root := t.TempDir()
	clones := map[string]*clone{}
	named := func(name string) *clone {
		clones[name] = c.at(filepath.Join(root, name, "clone"))
		return clones[name]
	}
	cache := c.at(filepath.Join(root, "cache")) // the cache of a CI runner
	c.git("clone", "-q", "file://"+remote, cache.dir)
	c.git("clone", "-q", "--reference", cache.dir, "file://"+remote, named("reference").dir)
	c.git("clone", "-q", "--shared", remote, named("shared").dir)
	c.git("clone", "-q", "--shared", clones["shared"].dir, named("of a borrower").dir)
	clones["of a borrower"].git("remote", "set-url", "origin", remote)
	c.git("clone", "-q", "--reference", cache.dir, "--reference", clones["shared"].dir, "file://"+remote, named("of two").dir)
	clones["shared"].git("worktree", "add", "-q", named("linked").dir)

	relative := named("relative")
	c.git("clone", "-q", "--shared", cache.dir, relative.dir)
	relative.git("remote", "set-url", "origin", remote)
	relative.borrow("# a comment", "../../../../cache/.git/objects")
	c.git("clone", "-q", "--shared", relative.dir, named("of a relative one").dir)
	clones["of a relative one"].git("remote", "set-url", "origin", remote)
	strange := filepath.Join(root, "cäche\t\"#")
	must(t, os.Symlink(cache.dir, strange))
	quoted := named("quoted")
	c.git("clone", "-q", "--shared", cache.dir, quoted.dir)
	quoted.git("remote", "set-url", "origin", remote)
	quoted.borrow(`"` + strings.NewReplacer(`"`, `\"`, "\t", `\t`, "ä", `\303\244`).Replace(strange) + `/.git/objects"`)
	loop := named("loop")
	c.git("clone", "-q", "--shared", cache.dir, loop.dir)
	loop.git("remote", "set-url", "origin", remote)
	loop.borrow(cache.dir+"/.git/objects", loop.dir+"/.git/objects")
	return clones
}

// borrow writes the list of folders that a clone borrows from.
func (c *clone) borrow(lines ...string) {
	c.t.Helper()
	must(c.t, os.WriteFile(filepath.Join(c.dir, ".git/objects/info/alternates"), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}

// TestBorrowedObjects compares clones without objects of their own with git's answers, and releases from each.
func TestBorrowedObjects(t *testing.T) {
	testenv.Slow(t, "compares eleven clones")
	for name, c := range borrowers(t) {
		t.Run(name, func(t *testing.T) {
			r := c.open()
			sameAsGit(t, c, r)
			kept := c.openPacks()
			sameAsGit(t, c, kept)
			objects, err := openObjects(c.git("rev-parse", "--absolute-git-dir"), r) // as for a submodule
			must(t, err)
			sameAsGit(t, c, objects)
			for _, r := range []*Repo{r, kept} {
				if head, err := r.Head(); err != nil || head.Hash != c.git("rev-parse", "HEAD") {
					t.Errorf("%+v, %v", head, err)
				}
				short := c.git("rev-parse", "--short", "HEAD~3")
				changed, err := r.Since(t.Context(), short)
				if want := c.git("diff", "--name-only", short, "HEAD"); err != nil || strings.Join(changed, "\n") != want {
					t.Errorf("since %s: %v, %v; git says %s", short, changed, err, want)
				}
				if _, err := r.Line(t.Context(), c.git("rev-parse", "HEAD")); err != nil {
					t.Error(err)
				}
			}
			c.agree()
			m := remoteOf(t, r, RemoteOptions{})
			must(t, m.Push(t.Context(), pushable(t, r, m, "v-"+strings.ReplaceAll(name, " ", "-"))))
			sound(t, c)
			sameAsGit(t, c, c.open())
		})
	}
}

// The error of a missing object names a missing lender.
func TestBorrowedObjectsAreGone(t *testing.T) {
	_, c := forge(t)
	gone := c.at(filepath.Join(t.TempDir(), "gone"))
	c.git("clone", "-q", "--shared", c.dir, gone.dir)
	gone.borrow(c.dir+"/.git/objects", "/nowhere/objects")
	if _, err := gone.open().Head(); err != nil {
		t.Errorf("nothing that is missing is needed: %v", err)
	}
	gone.borrow("/nowhere/objects")
	must(t, errors.Join(os.RemoveAll(gone.dir+"/.git/objects/pack"), os.WriteFile(gone.dir+"/.git/objects/pack", nil, 0o600)))
	own := gitFiles{Filesystem: borrowing{osfs.New(gone.dir + "/.git"), []billy.Filesystem{osfs.New(c.dir + "/.git/objects")}}}
	if list, err := own.ReadDir(packFolder); err == nil {
		t.Errorf("a folder that cannot be read is taken for the lender's: %v", list)
	}
	must(t, os.Remove(gone.dir+"/.git/objects/pack"))
	_, err := gone.open().Head()
	if err == nil || !strings.Contains(err.Error(), "borrows objects (.git/objects/info/alternates) from /nowhere/objects, which does not exist") {
		t.Error(err)
	}
}

// TestExtensions opens clones whose configuration names extensions of git.
func TestExtensions(t *testing.T) {
	full := fixture(t)
	full.git("sparse-checkout", "set", "--cone", "dir")
	full.git("sparse-checkout", "disable")
	full.git("config", "extensions.worktreeConfig", "true") // as many versions of git leave it
	full.agree()
	if _, err := openObjects(filepath.Join(full.dir, ".git"), full.open()); err != nil {
		t.Errorf("as a submodule: %v", err)
	}
	linked := full.at(filepath.Join(t.TempDir(), "linked"))
	full.git("worktree", "add", "-q", linked.dir)
	linked.git("config", "--worktree", "core.fileMode", "false")
	linked.agree()

	for _, harmless := range []string{"preciousObjects", "partialClone", "relativeWorktrees", "noop", "noop-v1"} {
		c := fixture(t)
		c.git("config", "core.repositoryFormatVersion", "1")
		c.git("config", "extensions."+harmless, "true")
		if _, err := c.open().Head(); err != nil {
			t.Errorf("%s: %v", harmless, err)
		}
	}
	for extension, says := range map[string]string{
		"objectFormat=sha256": "SHA-256", "refStorage=reftable": "git refs migrate --ref-format=files", "unheard=of": "git config --get-regexp",
	} {
		c := fixture(t)
		name, value, _ := strings.Cut(extension, "=")
		c.git("config", "core.repositoryFormatVersion", "1")
		c.git("config", "extensions."+name, value)
		if _, err := Open(c.dir); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "sparse") {
			t.Errorf("%s: %v", extension, err)
		}
	}
	sha256 := newClone(t)
	dir := t.TempDir()
	sha256.git("init", "-q", "--object-format=sha256", dir)
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "use a repository with SHA-1 objects") {
		t.Errorf("sha256: %v", err)
	}
	for _, mode := range []string{"--cone", "--no-cone"} {
		c := fixture(t)
		c.git("sparse-checkout", "set", mode, "dir")
		if _, err := Open(c.dir); err == nil || !strings.Contains(fmt.Sprint(err), "run `git sparse-checkout disable`") {
			t.Errorf("sparse, %s: %v", mode, err)
		}
	}
}
