package repo

import (
	"maps"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// difference is a file that differs between two trees. If a tree does not have it, that entry is zero.
type difference struct {
	path     string
	old, now object.TreeEntry
}

// differences lists the files that differ between two trees, by path. Equal folders are not entered. The caller holds the lock of objects.
func (r *Repo) differences(old, now plumbing.Hash, folder string) ([]difference, error) {
	if old == now {
		return nil, nil
	}
	both := map[string]*difference{}
	for hash, set := range map[plumbing.Hash]func(*difference, object.TreeEntry){
		old: func(d *difference, e object.TreeEntry) { d.old = e },
		now: func(d *difference, e object.TreeEntry) { d.now = e },
	} {
		if hash.IsZero() {
			continue
		}
		entries, err := r.tree(hash)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if both[e.Name] == nil {
				both[e.Name] = &difference{path: path.Join(folder, e.Name)}
			}
			set(both[e.Name], e)
		}
	}
	var list []difference
	for _, name := range slices.Sorted(maps.Keys(both)) {
		more, err := r.expandDifference(*both[name])
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// expandDifference resolves folders into their files.
func (r *Repo) expandDifference(d difference) ([]difference, error) {
	if d.old.Hash == d.now.Hash && d.old.Mode == d.now.Mode {
		return nil, nil
	}
	folders := difference{path: d.path}
	if d.old.Mode == filemode.Dir {
		folders.old, d.old = d.old, object.TreeEntry{}
	}
	if d.now.Mode == filemode.Dir {
		folders.now, d.now = d.now, object.TreeEntry{}
	}
	list, err := r.differences(folders.old.Hash, folders.now.Hash, d.path)
	if !d.old.Hash.IsZero() || !d.now.Hash.IsZero() {
		list = append(list, d)
	}
	return list, err
}
