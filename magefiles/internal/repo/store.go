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

// store is go-git's storage of a clone in which git may run at the same time. go-git (v5.19.3) reads the list of packs once. Then git fetch adds a pack, or
// git gc moves objects from one file to another, and go-git does not find what is there. The store does as git does: it looks at the list of
// packs again before it says that an object is missing. It reads objects whole, as the file of a large one could be gone when it is opened later.
type store struct {
	*filesystem.Storage
	files  *gitFiles
	loaded bool // the list of packs, and their indexes
}

// storeTries bounds how often an object is searched. Each try needs another change of the packs.
const storeTries = 20

func newStore(files billy.Filesystem, options filesystem.Options) *store {
	watched := &gitFiles{Filesystem: files}
	return &store{Storage: filesystem.NewStorageWithOptions(watched, cache.NewObjectLRU(keptObjects), options), files: watched}
}

// Reindex has the list of packs read again.
func (s *store) Reindex() {
	s.Storage.Reindex()
	s.loaded = false
}

// load reads the list of packs before anything is searched. go-git alone reads it after it has found no loose object: git may make the object loose
// in between, and go-git finds it in neither place.
func (s *store) load() error {
	if s.loaded {
		return nil
	}
	err := s.Storage.HasEncodedObject(plumbing.ZeroHash) // which no object has
	if s.loaded = errors.Is(err, plumbing.ErrObjectNotFound); s.loaded {
		return nil
	}
	return err
}

// again calls f until it succeeds, or fails although the packs are those that go-git knows.
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
		s.Reindex() // after another error go-git would go on with the part of the list that it had read
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

// HasEncodedObject is nil if the object is there.
func (s *store) HasEncodedObject(hash plumbing.Hash) error {
	return s.again(func() error { return s.Storage.HasEncodedObject(hash) })
}

// HashesWithPrefix lists the objects whose hashes begin so.
func (s *store) HashesWithPrefix(prefix []byte) (list []plumbing.Hash, err error) {
	err = s.again(func() (err error) {
		s.Reindex()
		list, err = s.Storage.HashesWithPrefix(prefix)
		return err
	})
	return list, err
}

// SetEncodedObject writes an object. git gc removes folders that are empty, also the one that the object was to go to.
func (s *store) SetEncodedObject(o plumbing.EncodedObject) (hash plumbing.Hash, err error) {
	for try := 1; ; try++ {
		if hash, err = s.Storage.SetEncodedObject(o); !errors.Is(err, fs.ErrNotExist) || try == storeTries {
			return hash, err
		}
	}
}

// gitFiles are the files of a clone. Its lists of folders are right while git changes them.
type gitFiles struct {
	billy.Filesystem
	packs []string // that go-git was told of last
}

// packFolder is where packs are.
const packFolder = "objects/pack"

// ReadDir lists a folder. billy's own (v5.9.2) fails if a file goes while it lists them, and go-git takes that for a folder that does not exist: no packs,
// or no branches. A pack does not count before its index is there, which is written last, and a lock is not a branch; to go-git both would be errors.
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
	dir, err := f.Chroot(path) // tells where the folder is: in a linked work tree, another one may have it
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
			continue // it went
		}
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	return list, nil
}

// packsChanged tells whether there are other packs than go-git knows.
func (f *gitFiles) packsChanged() bool {
	list, err := f.list(packFolder)
	return err == nil && !slices.Equal(packNames(slices.DeleteFunc(list, withoutIndex(list))), f.packs)
}

// withoutIndex tells of a file of the list whether it is a pack without an index.
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
