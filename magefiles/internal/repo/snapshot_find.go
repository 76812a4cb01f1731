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

// maxLinks bounds the symbolic links on a path, as on Linux.
const maxLinks = 40

var errLeaves = errors.New("symbolic link points outside of the repository")

// find looks up a path. follow says whether a symbolic link at its end is followed; on the way there, all are.
func (s *Snapshot) find(op, name string, follow bool) (item, error) {
	if !fs.ValidPath(name) {
		return item{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	s.repo.objects.Lock()
	defer s.repo.objects.Unlock()
	n, err := s.lookup(name, follow, 0)
	if err != nil {
		return n, pathError(op, name, err)
	}
	return n, nil
}

// pathError is an error of a file system; one about missing content is complete without it.
func pathError(op, name string, err error) error {
	var missing *MissingError
	if errors.As(err, &missing) {
		return missing
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func (s *Snapshot) lookup(name string, follow bool, links int) (item, error) {
	at := item{TreeEntry: object.TreeEntry{Name: ".", Mode: filemode.Dir, Hash: s.top.root}, path: ".", in: s.top}
	if name == "." {
		return at, nil
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		entries, in, err := s.entries(at)
		if err != nil {
			return at, err
		}
		found := slices.IndexFunc(entries, func(e object.TreeEntry) bool { return e.Name == part })
		if found < 0 {
			return at, fs.ErrNotExist
		}
		at = item{TreeEntry: entries[found], path: path.Join(at.path, part), in: in}
		if at.Mode == filemode.Symlink && (follow || i < len(parts)-1) {
			return s.follow(at, parts[i+1:], follow, links)
		}
	}
	return at, nil
}

// follow continues at the target of a symbolic link.
func (s *Snapshot) follow(link item, after []string, follow bool, links int) (item, error) {
	if links == maxLinks {
		return link, errors.New("too many symbolic links")
	}
	target, err := s.target(link)
	if err != nil {
		return link, err
	}
	return s.lookup(path.Join(target, path.Join(after...)), follow, links+1)
}

// target is the path that a symbolic link leads to. The caller holds the lock of objects.
func (s *Snapshot) target(link item) (string, error) {
	text, err := link.in.repo.blob(link.Hash)
	if err != nil {
		return "", err
	}
	next := path.Join(path.Dir(link.path), string(text))
	if path.IsAbs(string(text)) || !fs.ValidPath(next) {
		return "", errLeaves
	}
	return next, nil
}
