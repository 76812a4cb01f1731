package repo

import (
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
)

// keptObjects bounds go-git's memory for objects of a pack that are the bases of others.
const keptObjects = 64 * cache.MiByte

// WithPacksOpen keeps the packs of objects open until Close, for a caller that reads thousands of objects: otherwise go-git opens the pack
// again for each.
func WithPacksOpen() Option { return func(r *Repo) { r.packsOpen = true } }

// Close closes the packs of WithPacksOpen. Nothing may be read after that.
func (r *Repo) Close() error {
	if !r.packsOpen {
		return nil
	}
	r.objects.Lock()
	defer r.objects.Unlock()
	return r.store.Close()
}

// raw reads an object whole: its type, and its content. The caller holds the lock of objects.
func (r *Repo) raw(hash plumbing.Hash) (kind plumbing.ObjectType, content []byte, err error) {
	o, err := r.store.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return 0, nil, err
	}
	in, err := o.Reader()
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	content = make([]byte, o.Size())
	_, err = io.ReadFull(in, content)
	return o.Type(), content, err
}
