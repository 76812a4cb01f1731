package repo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// busy is a clone of a remote, with branches, and with files that are packed as differences.
func busy(t *testing.T) *clone {
	_, c := forge(t)
	for n := range 6 {
		c.write("large", large(n)[:40_000]+fmt.Sprintln(n)) // go-git opens the file again for objects larger than 16 KiB
		c.write(fmt.Sprintf("d/%d", n), "small")
		c.commit("c")
		for b := range 5 {
			c.git("branch", fmt.Sprintf("b%d-%d", n, b))
		}
	}
	c.git("push", "-q", "origin", "main")
	return c
}

// both opens a clone in both ways.
func (c *clone) both() []*Repo { return []*Repo{c.open(), c.openPacks()} }

// moves are changes that other processes make to a clone. They keep all objects that references lead to.
var moves = map[string]func(c *clone){
	"repack":      func(c *clone) { c.git("repack", "-q", "-a", "-d", "-f") },
	"gc":          func(c *clone) { c.git("gc", "-q", "--prune=now") },
	"small packs": func(c *clone) { c.git("repack", "-q", "-d") },
	"many packs": func(c *clone) {
		c.git("-c", "pack.packSizeLimit=1m", "repack", "-q", "-a", "-d", "-F", "--no-write-bitmap-index")
	},
	"multi-pack index": func(c *clone) { c.git("multi-pack-index", "write") },
	"loose": func(c *clone) {
		pack := filepath.Join(c.dir, ".git", "objects", "pack")
		aside := filepath.Join(c.t.TempDir(), "aside")
		must(c.t, os.Rename(pack, aside))
		must(c.t, os.Mkdir(pack, 0o777))
		packs, _ := filepath.Glob(filepath.Join(aside, "*.pack"))
		for _, p := range packs {
			in, err := os.Open(p)
			must(c.t, err)
			cmd := c.command("unpack-objects", "-q")
			cmd.Stdin = in
			must(c.t, errors.Join(cmd.Run(), in.Close()))
		}
	},
	"pack refs": func(c *clone) { c.git("pack-refs", "--all") },
	"commit":    func(c *clone) { c.write("d/new", c.git("rev-parse", "HEAD")); c.commit("another") },
	"fetch": func(c *clone) {
		other := c.at(filepath.Join(c.t.TempDir(), "other"))
		c.git("clone", "-q", "--no-local", c.git("remote", "get-url", "origin"), other.dir)
		other.write("d/theirs", c.git("rev-parse", "origin/main"))
		other.commit("theirs")
		other.git("push", "-q", "origin", "main")
		c.git("-c", "fetch.unpackLimit=1", "fetch", "-q")
	},
	"a pack whose index is not there yet": func(c *clone) {
		packs, _ := filepath.Glob(filepath.Join(c.dir, ".git", "objects", "pack", "*.pack"))
		for _, p := range packs {
			raw, err := os.ReadFile(p)
			must(c.t, err)
			must(c.t, os.WriteFile(filepath.Join(filepath.Dir(p), "pack-"+strings.Repeat("0f", 20)+".pack"), raw, 0o444))
		}
	},
}

// TestReadsWhatGitMoved reads a clone that was open while git moved its objects, and expects git's answers.
func TestReadsWhatGitMoved(t *testing.T) {
	testenv.Slow(t, "has git move objects in many ways")
	c := busy(t)
	c.git("gc", "-q")
	for _, name := range []string{
		"commit", "small packs", "commit", "many packs", "fetch", "repack", "pack refs", "loose", "gc", "multi-pack index", "commit", "gc",
		"a pack whose index is not there yet", "fetch", "loose", "many packs", "gc",
	} {
		move, ok := moves[name]
		if !ok {
			t.Fatal(name)
		}
		opened := c.both()
		for _, r := range opened {
			sameAsGit(t, c, r)
		}
		move(c)
		for _, r := range opened {
			head, err := r.Head()
			must(t, err)
			if want := c.git("rev-parse", "HEAD"); head.Hash != want {
				t.Errorf("after %s HEAD is %s, to git %s", name, head.Hash, want)
			}
			sameAsGit(t, c, r)
		}
	}
}

// meanwhile does something once, when the packs are listed.
type meanwhile struct {
	billy.Filesystem
	do func()
}

func (m *meanwhile) Chroot(path string) (billy.Filesystem, error) {
	if do := m.do; path == packFolder && do != nil {
		m.do = nil
		do()
	}
	return m.Filesystem.Chroot(path)
}

// TestReadsWhatGitMovesBetweenLooks has git move objects after a search began.
func TestReadsWhatGitMovesBetweenLooks(t *testing.T) {
	testenv.Slow(t, "has git move objects in many ways")
	c := busy(t)
	blob := plumbing.NewHash(c.git("rev-parse", "HEAD:large"))
	for _, name := range []string{"gc", "loose", "many packs", "repack", "fetch", "loose", "gc"} {
		for _, keep := range []bool{false, true} {
			files := &meanwhile{Filesystem: c.open().store.Filesystem(), do: func() { moves[name](c) }}
			s := newStore(files, filesystem.Options{KeepDescriptors: keep})
			o, err := s.EncodedObject(plumbing.BlobObject, blob)
			if err != nil || o.Hash() != blob || files.do != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := s.EncodedObjectSize(blob); err != nil {
				t.Errorf("%s: size: %v", name, err)
			}
			must(t, s.Close())
		}
	}
}

// reads requires all objects and branches that a clone had.
func reads(r *Repo, objects, tips []string) error {
	r.objects.Lock()
	defer r.objects.Unlock()
	for _, o := range objects {
		kind, content, err := r.raw(plumbing.NewHash(o))
		if err != nil {
			return fmt.Errorf("%s: %w", o, err)
		}
		if got := plumbing.ComputeHash(kind, content); got.String() != o {
			return fmt.Errorf("%s is %s", o, got)
		}
		if size, err := r.store.EncodedObjectSize(plumbing.NewHash(o)); err != nil || size != int64(len(content)) {
			return fmt.Errorf("%s has %d bytes, not %d: %w", o, size, len(content), err)
		}
	}
	haves, err := r.haves()
	for _, tip := range tips {
		if !slices.Contains(haves, plumbing.NewHash(tip)) {
			return fmt.Errorf("of %d tips %s is missing: %w", len(haves), tip, err)
		}
	}
	return nil
}

// TestReadsWhileGitMoves reads continuously while git moves objects and branches.
func TestReadsWhileGitMoves(t *testing.T) {
	testenv.Slow(t, "reads while git packs")
	c := busy(t)
	c.git("gc", "-q")
	objects := strings.Fields(c.git("rev-list", "--all", "--objects", "--no-object-names"))
	tips := strings.Fields(c.git("for-each-ref", "--format=%(objectname)", "refs/heads"))
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		for range 4 {
			for _, script := range []string{
				"git commit -q --allow-empty -m c && git repack -q -d", "git repack -q -a -d -f", "git pack-refs --all", "git branch -f b0-0 HEAD && git gc -q --prune=now",
				"git -c pack.packSizeLimit=1m repack -q -a -d -F --no-write-bitmap-index", "git fetch -q", "git branch -f b0-1 HEAD~1",
			} {
				cmd := exec.Command("sh", "-c", script)
				like := c.command()
				cmd.Dir, cmd.Env = like.Dir, like.Env
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v: %s", script, err, out)
				}
			}
		}
	}()
	rounds := 0
	for working := true; working; rounds++ {
		select {
		case <-done:
			working = false // read again
		default:
		}
		for _, r := range c.both() {
			for range 2 {
				if err := reads(r, objects, tips); err != nil {
					t.Fatal("round", rounds, err)
				}
			}
		}
	}
}

// TestListsWhileFilesComeAndGo lists branches and packs while git's temporary files come and go beside them.
func TestListsWhileFilesComeAndGo(t *testing.T) {
	testenv.Slow(t, "lists again and again")
	testenv.Slow(t, "lists again and again")
	c := busy(t)
	c.git("gc", "-q")
	objects := strings.Fields(c.git("rev-list", "HEAD"))
	aside := c.git("commit-tree", "-m", "aside", "HEAD^{tree}")
	c.git("update-ref", "refs/heads/loose", aside)
	tips := []string{aside}
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		for n := range 1500 {
			for _, path := range []string{"refs/heads/z.lock", "objects/pack/tmp_pack_z"} {
				path = filepath.Join(c.dir, ".git", path)
				if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Remove(path)); err != nil {
					t.Error(n, err)
				}
			}
		}
	}()
	for working := true; working; {
		select {
		case <-done:
			working = false
		default:
		}
		if err := reads(c.open(), objects, tips); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFetchBringsTheRest fetches a commit of which the clone already has some objects, without a reference to them.
func TestFetchBringsTheRest(t *testing.T) {
	remote, seed := forge(t)
	seed.write("d/e/new", "new")
	commit := seed.commit("new")
	all := strings.Fields(seed.git("rev-list", "--objects", "--no-object-names", "HEAD~1..HEAD"))
	if len(all) < 5 || all[0] != commit {
		t.Fatalf("objects: %q", all)
	}
	old := filepath.Join(t.TempDir(), "old")
	seed.git("clone", "-q", "--no-local", remote, old)
	seed.git("push", "-q", "origin", "main")
	for n := range len(all) + 1 {
		for _, have := range [][]string{all[:n], all[n:]} {
			c := seed.at(filepath.Join(t.TempDir(), "clone"))
			seed.git("clone", "-q", "--no-local", old, c.dir)
			c.git("remote", "set-url", "origin", remote)
			for _, hash := range have {
				path := filepath.Join(".git", "objects", hash[:2], hash[2:])
				raw, err := os.ReadFile(filepath.Join(seed.dir, path))
				must(t, err)
				c.write(path, string(raw))
			}
			r := c.open()
			m := remoteOf(t, r, RemoteOptions{})
			for range 2 {
				got, err := m.Fetch(t.Context(), "main")
				must(t, err)
				if got.Hash != commit {
					t.Errorf("fetched %s", got.Hash)
				}
			}
			c.git("rev-list", "--objects", commit) // fails if one is missing
			files, err := r.Snapshot(commit)
			must(t, err)
			if text, err := files.ReadFile("d/e/new"); err != nil || string(text) != "new" {
				t.Errorf("with %d objects: %q, %v", len(have), text, err)
			}
			if packs, _ := filepath.Glob(filepath.Join(c.dir, ".git", "objects", "pack", "*.pack")); len(packs) > 2 {
				t.Errorf("fetched again: %q", packs)
			}
		}
	}
}

// TestFetchOfWhatIsMerged fetches a branch that HEAD contains by a merge, and that no reference names: the server sends no
// objects.
func TestFetchOfWhatIsMerged(t *testing.T) {
	remote, c := forge(t)
	c.write("theirs", "theirs")
	theirs := c.commit("theirs")
	c.git("push", "-q", remote, "HEAD:refs/heads/theirs")
	c.git("reset", "-q", "--hard", "HEAD~1")
	c.write("ours", "ours")
	c.commit("ours")
	c.git("merge", "-q", "--no-edit", theirs)
	c.git("push", "-q", remote, "HEAD:main")
	c.git("reflog", "expire", "--expire=all", "--all")
	before := c.git("count-objects", "-v")
	got, err := remoteOf(t, c.open(), RemoteOptions{}).Fetch(t.Context(), "theirs")
	if err != nil || got.Hash != theirs {
		t.Errorf("%+v, %v", got, err)
	}
	if after := c.git("count-objects", "-v"); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	sound(t, c)
}
