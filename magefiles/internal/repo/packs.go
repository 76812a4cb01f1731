package repo

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// WithPacksOpen keeps the packs of objects open until Close, for whoever reads thousands of objects. go-git (v5.19.3) opens a pack anew for
// each object, unpacks those of more than 16 KiB twice, and hashes both what it reads and what it unpacks: four times the work.
func WithPacksOpen() Option {
	return func(r *Repo) { r.packs = &packs{dir: dotgit.New(r.store.Filesystem())} }
}

// Close closes what WithPacksOpen keeps open. Nothing may be read after that.
func (r *Repo) Close() error {
	r.objects.Lock()
	defer r.objects.Unlock()
	if r.packs == nil {
		return nil
	}
	return r.packs.close()
}

// raw reads an object whole: its type, and its content, which is not to be changed. The caller holds the lock of objects.
func (r *Repo) raw(hash plumbing.Hash) (kind plumbing.ObjectType, content []byte, err error) {
	if r.packs != nil {
		if kind, content, err = r.packs.object(hash); !errors.Is(err, plumbing.ErrObjectNotFound) {
			return kind, content, err
		}
	}
	o, err := r.store.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return 0, nil, err
	}
	in, err := o.Reader()
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	content, err = io.ReadAll(in)
	return o.Type(), content, err
}

// opened is a store of go-git's with packs that stay open. What they have not is looked for where go-git does: loose objects, packs that came
// later, alternates.
type opened struct {
	*filesystem.Storage
	packs *packs
}

// EncodedObject is that of storer.EncodedObjectStorer.
func (o opened) EncodedObject(want plumbing.ObjectType, hash plumbing.Hash) (plumbing.EncodedObject, error) {
	kind, content, err := o.packs.object(hash)
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return o.Storage.EncodedObject(want, hash)
	case err != nil:
		return nil, err
	case want != plumbing.AnyObject && want != kind:
		return nil, plumbing.ErrObjectNotFound
	}
	object := &plumbing.MemoryObject{}
	object.SetType(kind)
	_, err = object.Write(content)
	return object, err
}

// packs are those of one object store.
type packs struct {
	dir    *dotgit.DotGit
	list   []*pack
	loaded bool
}

func (p *packs) object(hash plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	if err := p.load(); err != nil {
		return 0, nil, err
	}
	for _, one := range p.list {
		if at, err := one.index.FindOffset(hash); err == nil {
			kind, content, err := one.object(at, 0)
			if err != nil {
				err = fmt.Errorf("object %s: %w: run git fsck, or clone anew", hash, err)
			}
			return kind, content, err
		}
	}
	return 0, nil, plumbing.ErrObjectNotFound
}

// load opens all packs. One whose index is missing is being written, or deleted.
func (p *packs) load() error {
	if p.loaded {
		return nil
	}
	p.loaded = true
	names, err := p.dir.ObjectPacks()
	if err != nil {
		return err
	}
	for _, name := range names {
		index, err := p.index(name)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, dotgit.ErrPackfileNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("index of pack %s: %w: run git fsck, or clone anew", name, err)
		}
		file, err := p.dir.ObjectPack(name)
		if err != nil {
			return err
		}
		p.list = append(p.list, &pack{index: index, file: file, kept: map[int64]unpacked{}})
	}
	return nil
}

func (p *packs) index(name plumbing.Hash) (_ *idxfile.MemoryIndex, err error) {
	f, err := p.dir.ObjectPackIdx(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	index := idxfile.NewMemoryIndex()
	return index, idxfile.NewDecoder(f).Decode(index)
}

func (p *packs) close() (err error) {
	for _, one := range p.list {
		err = errors.Join(err, one.file.Close())
	}
	p.list = nil
	return err
}
