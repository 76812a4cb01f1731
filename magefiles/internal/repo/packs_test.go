package repo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

func (c *clone) openPacks() *Repo {
	c.t.Helper()
	r, err := Open(c.dir, WithEnvironment(c.env), WithPacksOpen())
	must(c.t, err)
	c.t.Cleanup(func() { must(c.t, r.Close()) })
	return r
}

// sameAsGit compares every object of a clone with what git says of it.
func sameAsGit(t *testing.T, c *clone, r *Repo) {
	t.Helper()
	all := strings.Fields(c.git("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)"))
	for _, hash := range all {
		kind, content, err := r.raw(plumbing.NewHash(hash))
		must(t, err)
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

// large is text that is packed as differences, and is more than is read at a time.
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
	c.git("repack", "-q", "-a", "-d", "--depth=3") // the packs that are open are gone
	sameAsGit(t, c, r)
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

// Whatever byte of a pack is another, it is read to an end, and mostly noticed: what is unpacked has a checksum.
func TestDamagedPack(t *testing.T) {
	c := newClone(t)
	for n := range 8 {
		c.write("file", strings.Repeat("text\n", 100)+fmt.Sprint(n))
		c.commit("c")
	}
	c.git("gc", "-q")
	names, err := filepath.Glob(filepath.Join(c.dir, ".git/objects/pack/*.pack"))
	must(t, err)
	whole, err := os.ReadFile(names[0])
	must(t, err)
	must(t, os.Chmod(names[0], 0o644))
	all := strings.Fields(c.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)"))
	refused := 0
	for at := 12; at < len(whole)-20; at += 11 {
		torn := bytes.Clone(whole)
		torn[at] ^= 0x55
		must(t, os.WriteFile(names[0], torn, 0o600))
		r, err := Open(c.dir, WithPacksOpen())
		must(t, err)
		for _, hash := range all {
			if _, _, err := r.raw(plumbing.NewHash(hash)); err != nil {
				refused++
			}
		}
		must(t, r.Close())
	}
	if refused == 0 {
		t.Error("nothing was noticed")
	}
}

// Whatever stands in a pack, reading it ends.
func FuzzPack(f *testing.F) {
	for _, s := range []string{"", "\x30", "\x95\x01x\x9c", "\xe0\x80\x80\x80\x01", "\xf0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x70aaaaaaaaaaaaaaaaaaaa", "\x33x\x9cKLJ\x06\x00\x02M\x01'"} {
		f.Add([]byte(s), int64(0))
		f.Add([]byte(s+s+s), int64(len(s)))
	}
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		if at < 0 {
			return
		}
		p := &pack{index: idxfile.NewMemoryIndex(), file: nopFile{bytes.NewReader(data)}, kept: map[int64]unpacked{}}
		first, content, err := p.object(at, 0)
		again, same, errAgain := p.object(at, 0)
		if (err == nil) != (errAgain == nil) || first != again || !bytes.Equal(content, same) {
			t.Errorf("%v %q %v, then %v %q %v", first, content, err, again, same, errAgain)
		}
	})
}

type nopFile struct{ *bytes.Reader }

func (nopFile) Close() error { return nil }
