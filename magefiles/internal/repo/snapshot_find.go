package repo

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxLinks is how many symbolic links a path may lead through, as on Linux.
const maxLinks = 40

var errLeaves = errors.New("symbolic link leads out of the tree")

// find looks a path up. follow is whether a symbolic link at its end is followed; on the way there, all are.
func (s *Snapshot) find(op, name string, follow bool) (object.TreeEntry, error) {
	if !fs.ValidPath(name) {
		return object.TreeEntry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	s.repo.objects.Lock()
	defer s.repo.objects.Unlock()
	e, err := s.lookup(name, follow, 0)
	if err != nil {
		return e, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return e, nil
}

func (s *Snapshot) lookup(name string, follow bool, links int) (object.TreeEntry, error) {
	at := object.TreeEntry{Name: ".", Mode: filemode.Dir, Hash: s.root}
	if name == "." {
		return at, nil
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		if at.Mode != filemode.Dir {
			return at, fs.ErrNotExist
		}
		entries, err := s.tree(at.Hash)
		if err != nil {
			return at, err
		}
		found := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == part })
		if found < 0 {
			return at, fs.ErrNotExist
		}
		at = entries[found]
		if at.Mode == filemode.Symlink && (follow || i < len(parts)-1) {
			return s.follow(at, parts[:i], parts[i+1:], follow, links)
		}
	}
	return at, nil
}

// follow goes on where a symbolic link points to.
func (s *Snapshot) follow(link object.TreeEntry, before, after []string, follow bool, links int) (object.TreeEntry, error) {
	if links == maxLinks {
		return link, errors.New("too many symbolic links")
	}
	target, err := s.repo.blob(link.Hash)
	if err != nil {
		return link, err
	}
	next := path.Join(path.Join(before...), string(target), path.Join(after...))
	if path.IsAbs(string(target)) || !fs.ValidPath(next) {
		return link, errLeaves
	}
	return s.lookup(next, follow, links+1)
}
