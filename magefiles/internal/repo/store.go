package repo

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// store is go-git's storage of a clone in which git may run at the same time. go-git (v5.19.3) reads the list of packs once. If git fetch then adds
// a pack, or git gc moves objects from one file to another, go-git does not find these objects. The store works like git: it reads the list of
// packs again before it reports a missing object. It reads objects whole, as the file of a large one could be deleted before it is opened.
type store struct {
	*filesystem.Storage
	files  *gitFiles
	loaded bool // the list of packs and their indexes are read
}

// storeTries bounds the searches for an object. Each retry requires another change of the packs.
const storeTries = 20

func newStore(files billy.Filesystem, options filesystem.Options) *store {
	watched := &gitFiles{Filesystem: files}
	return &store{Storage: filesystem.NewStorageWithOptions(watched, cache.NewObjectLRU(keptObjects), options), files: watched}
}

// Reindex makes the next search read the list of packs again.
func (s *store) Reindex() {
	s.Storage.Reindex()
	s.loaded = false
}

// load reads the list of packs before any search. go-git alone reads it after it has found no loose object: git may make the object loose in
// between, and go-git finds it in neither place.
func (s *store) load() error {
	if s.loaded {
		return nil
	}
	err := s.Storage.HasEncodedObject(plumbing.ZeroHash) // no object has this hash
	if s.loaded = errors.Is(err, plumbing.ErrObjectNotFound); s.loaded {
		return nil
	}
	return err
}

// again calls f until it succeeds, or fails although go-git knows the present packs.
func (s *store) again(f func() error) error {
	for try := 1; ; try++ {
		err := s.load()
		if err == nil {
			err = f()
		}
		if err == nil {
			return nil
		}
		missing := errors.Is(err, plumbing.ErrObjectNotFound)
		if missing && !s.files.packsChanged() {
			return err
		}
		s.Reindex() // otherwise go-git would continue with the part of the list that it had read
		vanished := missing || errors.Is(err, fs.ErrNotExist) || errors.Is(err, dotgit.ErrPackfileNotFound)
		if !vanished || try == storeTries {
			return err
		}
	}
}

// EncodedObject reads an object whole.
func (s *store) EncodedObject(kind plumbing.ObjectType, hash plumbing.Hash) (plumbing.EncodedObject, error) {
	var found plumbing.EncodedObject
	err := s.again(func() error {
		o, err := s.Storage.EncodedObject(plumbing.AnyObject, hash)
		if err == nil {
			found, err = inMemory(o)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case kind != plumbing.AnyObject && found.Type() != kind:
		return nil, plumbing.ErrObjectNotFound
	}
	return found, nil
}

func inMemory(o plumbing.EncodedObject) (_ plumbing.EncodedObject, err error) {
	if m, ok := o.(*plumbing.MemoryObject); ok {
		return m, nil
	}
	in, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	m := &plumbing.MemoryObject{}
	m.SetType(o.Type())
	m.SetSize(o.Size())
	_, err = io.Copy(m, in)
	return m, err
}

// EncodedObjectSize is the size of an object's content.
func (s *store) EncodedObjectSize(hash plumbing.Hash) (size int64, err error) {
	err = s.again(func() (err error) { size, err = s.Storage.EncodedObjectSize(hash); return err })
	return size, err
}

// HasEncodedObject is nil if the object exists.
func (s *store) HasEncodedObject(hash plumbing.Hash) error {
	return s.again(func() error { return s.Storage.HasEncodedObject(hash) })
}

// HashesWithPrefix lists the objects whose hashes have a prefix.
func (s *store) HashesWithPrefix(prefix []byte) (list []plumbing.Hash, err error) {
	err = s.again(func() (err error) {
		s.Reindex()
		list, err = s.Storage.HashesWithPrefix(prefix)
		return err
	})
	return list, err
}

// SetEncodedObject writes an object. git gc removes empty folders, also the one for the object.
func (s *store) SetEncodedObject(o plumbing.EncodedObject) (hash plumbing.Hash, err error) {
	for try := 1; ; try++ {
		if hash, err = s.Storage.SetEncodedObject(o); !errors.Is(err, fs.ErrNotExist) || try == storeTries {
			return hash, err
		}
	}
}

// gitFiles are the files of a clone. It lists folders correctly while git changes them.
type gitFiles struct {
	billy.Filesystem
	packs []string // in the last list that go-git got
}

// packFolder is the folder of packs.
const packFolder = "objects/pack"

// ReadDir lists a folder. billy's own (v5.9.2) fails if a file is deleted during the list, and go-git takes that for a missing folder: no packs, or
// no branches. A pack without its index, which is written last, is left out, and so is a lock in a list of branches; to go-git both would be
// errors.
func (f *gitFiles) ReadDir(path string) ([]os.FileInfo, error) {
	list, err := f.list(path)
	switch {
	case err != nil:
		return nil, err
	case path == packFolder:
		list = slices.DeleteFunc(list, withoutIndex(list))
		f.packs = packNames(list)
	case path == "refs" || strings.HasPrefix(path, "refs/"):
		list = slices.DeleteFunc(list, isLock)
	}
	return list, nil
}

func isLock(file os.FileInfo) bool { return strings.HasSuffix(file.Name(), ".lock") }

func (f *gitFiles) list(path string) ([]os.FileInfo, error) {
	dir, err := f.Chroot(path) // the folder may be in the common git folder of a linked work tree
	if err != nil {
		return nil, err
	}
	list, err := listFolder(dir.Root(), nil)
	b, borrows := f.Filesystem.(borrowing)
	if !borrows {
		return list, err
	}
	for _, folder := range b.folders(path) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		more, failed := listFolder(folder, list)
		if failed == nil || !errors.Is(failed, fs.ErrNotExist) {
			list, err = more, failed
		}
	}
	return list, err
}

// listFolder adds the files of a folder to a list, without those whose names it has.
func listFolder(folder string, list []os.FileInfo) ([]os.FileInfo, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, file := range list {
		known[file.Name()] = true
	}
	for _, e := range entries {
		if known[e.Name()] {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was deleted
		}
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	return list, nil
}

// packsChanged reports whether the packs differ from those that go-git knows.
func (f *gitFiles) packsChanged() bool {
	list, err := f.list(packFolder)
	return err == nil && !slices.Equal(packNames(slices.DeleteFunc(list, withoutIndex(list))), f.packs)
}

// withoutIndex returns a function that reports whether a file of the list is a pack without an index.
func withoutIndex(list []os.FileInfo) func(os.FileInfo) bool {
	indexed := map[string]bool{}
	for _, file := range list {
		if name, ok := strings.CutSuffix(file.Name(), ".idx"); ok {
			indexed[name] = true
		}
	}
	return func(file os.FileInfo) bool {
		name, ok := strings.CutSuffix(file.Name(), ".pack")
		return ok && !indexed[name]
	}
}

// packNames are the packs in a list of files.
func packNames(list []os.FileInfo) []string {
	var names []string
	for _, file := range list {
		if strings.HasSuffix(file.Name(), ".pack") {
			names = append(names, file.Name())
		}
	}
	return names
}
