package repo

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// edit writes a tree with the changes, and the trees below it that differ: no other tree is read. The hash of an empty tree, as when
// its last file was deleted, is zero. base is zero for a new folder. The caller holds the lock of objects.
func (r *Repo) edit(base plumbing.Hash, folder string, e *edits) (plumbing.Hash, error) {
	var entries []object.TreeEntry
	if !base.IsZero() {
		list, err := r.tree(base)
		if err != nil {
			return base, err
		}
		entries = slices.Clone(list)
	}
	for _, name := range slices.Sorted(maps.Keys(e.below)) {
		i := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == name })
		old := object.TreeEntry{Name: name}
		if i >= 0 {
			old = entries[i]
			entries = slices.Delete(entries, i, i+1)
		}
		now, err := r.editEntry(old, path.Join(folder, name), e.below[name])
		if err != nil {
			return base, err
		}
		if !now.Hash.IsZero() {
			entries = append(entries, now)
		}
	}
	return r.writeTree(entries)
}

// editEntry is the new state of one entry; its hash is zero if it is deleted, and old has a zero hash if it did not
// exist.
func (r *Repo) editEntry(old object.TreeEntry, name string, e *edits) (object.TreeEntry, error) {
	if e.change == nil {
		if !old.Hash.IsZero() && old.Mode != filemode.Dir {
			return old, fmt.Errorf("%s: %w: it is not a folder", name, ErrPath)
		}
		hash, err := r.edit(old.Hash, name, e)
		return object.TreeEntry{Name: old.Name, Mode: filemode.Dir, Hash: hash}, err
	}
	switch {
	case old.Mode == filemode.Dir && !old.Hash.IsZero():
		return old, fmt.Errorf("%s: %w: it is a folder", name, ErrPath)
	case old.Mode == filemode.Submodule:
		return old, fmt.Errorf("%s: %w: it is a submodule", name, ErrPath)
	case e.change.Delete && old.Hash.IsZero():
		return old, fmt.Errorf("%s: %w: cannot delete it: not found", name, ErrPath)
	case e.change.Delete:
		return object.TreeEntry{}, nil
	case old.Mode == filemode.Symlink:
		return old, fmt.Errorf("%s: %w: it is a symbolic link: name the file that it points to", name, ErrPath)
	}
	hash, err := r.writeBlob(e.change.Content)
	return object.TreeEntry{Name: old.Name, Mode: newMode(old), Hash: hash}, err
}

// newMode is the mode of a file that replaces another: an executable file stays executable.
func newMode(old object.TreeEntry) filemode.FileMode {
	if old.Hash.IsZero() {
		return filemode.Regular
	}
	return old.Mode
}

func (r *Repo) writeBlob(content []byte) (plumbing.Hash, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.BlobObject)
	if _, err := o.Write(content); err != nil {
		return plumbing.ZeroHash, err
	}
	return r.keep(o)
}

func (r *Repo) writeTree(entries []object.TreeEntry) (plumbing.Hash, error) {
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	sort.Sort(object.TreeEntrySorter(entries))
	o := &plumbing.MemoryObject{}
	if err := (&object.Tree{Entries: entries}).Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return r.keep(o)
}
