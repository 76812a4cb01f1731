package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// keepPack checks a pack and adds it to the object store: whole, or not at all. go-git's own writer (v5.19.3) writes the index in place, and
// accepts an index that a kill left incomplete from then on.
//
// The names are git's, so that git gc removes the files that a kill leaves. The caller holds the lock of objects.
func (r *Repo) keepPack(ctx context.Context, in io.Reader) (err error) {
	common, err := r.commonDir()
	if err != nil {
		return err
	}
	dir := filepath.Join(common, "objects", "pack")
	if err := os.MkdirAll(dir, 0o777); err != nil { // #nosec G301 -- the umask decides, as with git
		return err
	}
	pack, err := os.CreateTemp(dir, "tmp_pack_")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(pack.Name()) }() // it is gone already after a success
	defer func() { _ = pack.Close() }()
	if _, err := io.Copy(pack, cancelled{ctx, in}); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return err
	}
	index := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(pack), index)
	if err != nil {
		return err
	}
	sum, err := parser.Parse()
	if err != nil {
		return fmt.Errorf("the pack that came is damaged: %w", err)
	}
	if table, err := index.Index(); err != nil {
		return err
	} else if n, err := table.Count(); n == 0 || err != nil {
		return err // all objects exist
	}
	if err := pack.Sync(); err != nil {
		return err
	}
	if err := r.install(dir, pack.Name(), sum, index); err != nil {
		return err
	}
	r.store.Reindex()
	return nil
}

// install renames pack and index, the index last: git ignores a pack without one.
func (r *Repo) install(dir, pack string, sum plumbing.Hash, index *idxfile.Writer) error {
	table, err := index.Index()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "tmp_idx_")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = idxfile.NewEncoder(f).Encode(table)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	final := filepath.Join(dir, "pack-"+sum.String())
	for _, move := range []struct{ from, to string }{{pack, final + ".pack"}, {f.Name(), final + ".idx"}} {
		if err := os.Chmod(move.from, 0o444); err != nil { // #nosec G302 -- as git has it
			return err
		}
		if err := os.Rename(move.from, move.to); err != nil {
			return err
		}
	}
	return nil
}

// cancelled reads until the context ends.
type cancelled struct {
	ctx context.Context
	in  io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.in.Read(p)
}

// pack encodes objects, each whole: a release has few.
func (r *Repo) pack(objects []plumbing.Hash) (*bytes.Buffer, error) {
	var out bytes.Buffer
	_, err := packfile.NewEncoder(&out, r.store, false).Encode(objects, 0)
	return &out, err
}

// between lists the objects of the commits after old up to now, which must be a straight line, as for a release. It reads only the trees that
// differ from commit to commit. The caller holds the lock of objects.
func (r *Repo) between(ctx context.Context, old, now plumbing.Hash) ([]plumbing.Hash, error) {
	list := newOnce()
	for at := now; at != old; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c, err := r.commit(at.String())
		if err != nil {
			return nil, err
		}
		if len(c.ParentHashes) != 1 {
			return nil, fmt.Errorf("%.12s does not follow %.12s in a straight line: make the commit on the branch's head", now, old)
		}
		parent, err := r.commit(c.ParentHashes[0].String())
		if err != nil {
			return nil, err
		}
		list.add(c.Hash)
		if err := r.newer(list, c.TreeHash, parent.TreeHash); err != nil {
			return nil, err
		}
		at = parent.Hash
	}
	return list.hashes, nil
}

// newer lists a tree and the entries that the tree before does not have at the same place.
func (r *Repo) newer(list *once, now, before plumbing.Hash) error {
	if now == before || !list.add(now) {
		return nil
	}
	old := map[string]object.TreeEntry{}
	if !before.IsZero() {
		entries, err := r.tree(before)
		if err != nil {
			return err
		}
		for _, e := range entries {
			old[e.Name] = e
		}
	}
	entries, err := r.tree(now)
	if err != nil {
		return err
	}
	for _, e := range entries {
		was := old[e.Name]
		switch {
		case e.Hash == was.Hash, e.Mode == filemode.Submodule:
		case e.Mode != filemode.Dir:
			list.add(e.Hash)
		default:
			if was.Mode != filemode.Dir {
				was.Hash = plumbing.ZeroHash
			}
			if err := r.newer(list, e.Hash, was.Hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// once is a list without duplicates.
type once struct {
	hashes []plumbing.Hash
	seen   map[plumbing.Hash]bool
}

func newOnce() *once { return &once{seen: map[plumbing.Hash]bool{}} }

func (o *once) add(h plumbing.Hash) bool {
	if o.seen[h] {
		return false
	}
	o.seen[h] = true
	o.hashes = append(o.hashes, h)
	return true
}
