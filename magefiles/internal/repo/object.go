package repo

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// commit reads a commit that is given by its full hash. The caller holds the lock of objects.
func (r *Repo) commit(hash string) (*object.Commit, error) {
	if !plumbing.IsHash(hash) {
		return nil, fmt.Errorf("%q: %w: expected its full hash", hash, ErrUnknownCommit)
	}
	c, err := r.git.CommitObject(plumbing.NewHash(hash))
	if errors.Is(err, plumbing.ErrObjectNotFound) && len(r.missing) == 0 {
		return nil, fmt.Errorf("%s: %w in this clone: run git fetch", hash, ErrUnknownCommit)
	}
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", hash, r.explainMissing(err))
	}
	return c, nil
}

// blob reads a blob whole. The caller holds the lock of objects.
func (r *Repo) blob(hash plumbing.Hash) (content []byte, err error) {
	b, err := r.git.BlobObject(hash)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", hash, r.explainMissing(err))
	}
	in, err := b.Reader()
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", hash, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return io.ReadAll(in)
}

// keep writes an object unless it exists already. go-git writes a temporary file and renames it, so a kill leaves no incomplete
// object. The caller holds the lock of objects.
func (r *Repo) keep(o *plumbing.MemoryObject) (plumbing.Hash, error) {
	if r.store.HasEncodedObject(o.Hash()) == nil {
		return o.Hash(), nil
	}
	hash, err := r.store.SetEncodedObject(o)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("%s: write %s: %w", r.root, o.Type(), err)
	}
	return hash, nil
}
