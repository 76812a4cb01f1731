package repo

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func (c *clone) openPacks() *Repo {
	c.t.Helper()
	r, err := Open(c.dir, WithEnvironment(c.env), WithPacksOpen())
	must(c.t, err)
	c.t.Cleanup(func() { must(c.t, r.Close()) })
	return r
}

// sameAsGit compares every object of a clone with git's answer.
func sameAsGit(t *testing.T, c *clone, r *Repo) {
	t.Helper()
	all := strings.Fields(c.git("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)"))
	for _, hash := range all {
		kind, content, err := r.raw(plumbing.NewHash(hash))
		if err != nil {
			t.Fatalf("%s: %v", hash, err)
		}
		if got := plumbing.ComputeHash(kind, content); got.String() != hash {
			t.Errorf("%s of %s is %s", kind, hash, got)
		}
		o, err := r.git.Storer.EncodedObject(plumbing.AnyObject, plumbing.NewHash(hash))
		must(t, err)
		if o.Hash().String() != hash || o.Type() != kind || o.Size() != int64(len(content)) {
			t.Errorf("to go-git %s is %s", hash, o.Hash())
		}
	}
	if len(all) < 20 {
		t.Errorf("only %d objects were looked at", len(all))
	}
}

// large is text that is packed as differences, and is larger than one read.
func large(n int) string {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "line %d of %d\n", i*7919%20_011, i)
	}
	return text.String() + fmt.Sprintln("version", n)
}

func TestPacksOpen(t *testing.T) {
	c := newClone(t)
	for n := range 12 {
		c.write("large", large(n))
		c.write(fmt.Sprintf("d/%d", n), "small")
		c.commit("c")
	}
	c.git("tag", "-a", "-m", "m", "v1")
	before := c.openPacks()
	sameAsGit(t, c, before) // loose
	c.git("gc", "-q")
	c.write("d/loose", "x")
	head := c.commit("beside the pack")
	if before, after := c.git("count-objects", "-v"), "in-pack: 0"; strings.Contains(before, after) {
		t.Fatal(before)
	}
	r := c.openPacks()
	sameAsGit(t, c, r)
	sameAsGit(t, c, c.open())
	c.git("repack", "-q", "-a", "-d", "--depth=3")
	sameAsGit(t, c, c.openPacks())
	c.git("config", "pack.deltaCacheSize", "1")
	c.git("repack", "-q", "-a", "-d", "-f", "--no-write-bitmap-index")
	c.git("-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f")
	sameAsGit(t, c, c.openPacks()) // bases by their hashes

	r = c.openPacks()
	line, err := r.Line(t.Context(), head)
	must(t, err)
	if len(line.sorted) != 13 {
		t.Errorf("%d commits", len(line.sorted))
	}
	if _, _, err := r.raw(plumbing.NewHash(strings.Repeat("1", 40))); !errors.Is(err, plumbing.ErrObjectNotFound) {
		t.Error(err)
	}
	if _, err := r.git.CommitObject(plumbing.NewHash(c.git("rev-parse", "HEAD^{tree}"))); !errors.Is(err, plumbing.ErrObjectNotFound) {
		t.Error("a tree is taken for a commit:", err)
	}
}
