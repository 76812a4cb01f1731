package repo

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Snapshot is the tree of a commit as a file system, independent of the checkout. Symbolic links are followed within the tree, and all
// files have the time of the commit. Its methods may be called concurrently.
type Snapshot struct {
	repo     *Repo
	top      *module
	time     time.Time
	recorded bool // submodules and pointers of Git LFS are resolved

	// The lock of objects guards these fields.
	trees   map[plumbing.Hash][]object.TreeEntry // read so far
	modules map[string]entered                   // submodules by path
}

// item is a snapshot's entry at a path, with symbolic links followed on the way.
type item struct {
	object.TreeEntry
	path string
	in   *module
}

var (
	_ fs.ReadFileFS = (*Snapshot)(nil)
	_ fs.ReadDirFS  = (*Snapshot)(nil)
	_ fs.StatFS     = (*Snapshot)(nil)
	_ fs.ReadLinkFS = (*Snapshot)(nil)
)

// Snapshot returns the files of a commit, given by its full hash, as its own trees have them: a submodule is an empty folder, and a
// pointer of Git LFS is an ordinary file.
func (r *Repo) Snapshot(commit string) (*Snapshot, error) { return r.snapshot(commit, false) }

// Recorded returns the files that a commit records. The folder of a submodule has the files of the recorded commit, and a pointer of Git
// LFS is replaced by its file. If this clone does not have them, reading is a *MissingError.
func (r *Repo) Recorded(commit string) (fs.FS, error) {
	s, err := r.snapshot(commit, true)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (r *Repo) snapshot(commit string, recorded bool) (*Snapshot, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	c, err := r.commit(commit)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		repo: r, top: &module{repo: r, at: ".", root: c.TreeHash}, time: c.Committer.When, recorded: recorded,
		trees: map[plumbing.Hash][]object.TreeEntry{}, modules: map[string]entered{},
	}
	if _, err := s.tree(s.top, c.TreeHash); err != nil {
		return nil, err
	}
	return s, nil
}

// Tree is the hash of a commit's content at a path: equal hashes are equal content, with any history. "." is the whole tree. A
// missing path is an fs.ErrNotExist.
func (r *Repo) Tree(commit, path string) (hash string, err error) {
	s, err := r.Snapshot(commit)
	if err != nil {
		return "", err
	}
	e, err := s.find("tree", path, false)
	if err != nil {
		return "", fmt.Errorf("commit %.12s: %w", commit, err)
	}
	return e.Hash.String(), nil
}

// Open opens a file or a folder.
func (s *Snapshot) Open(name string) (fs.File, error) {
	e, err := s.find("open", name, true)
	if err != nil {
		return nil, err
	}
	info, err := s.info(e)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	info.name = path.Base(name)
	if info.IsDir() {
		list, err := s.ReadDir(name)
		return &snapshotDir{info: info, list: list}, err
	}
	content, err := s.content(e)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &snapshotFile{Reader: bytes.NewReader(content), info: info}, nil
}

// ReadFile reads a file.
func (s *Snapshot) ReadFile(name string) ([]byte, error) {
	e, err := s.find("read", name, true)
	if err != nil {
		return nil, err
	}
	if isFolder(e.Mode) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	content, err := s.content(e)
	if err != nil {
		return nil, pathError("read", name, err)
	}
	return content, nil
}

// ReadDir lists a folder by name.
func (s *Snapshot) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := s.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !isFolder(e.Mode) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	items, err := s.items(e)
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	list := make([]fs.DirEntry, len(items))
	for i, n := range items {
		list[i] = snapshotEntry{s, n}
	}
	// Git sorts folders as if their names ended in a slash.
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Stat describes the file at a path, with symbolic links followed.
func (s *Snapshot) Stat(name string) (fs.FileInfo, error) { return s.stat("stat", name, true) }

// Lstat describes the file at a path.
func (s *Snapshot) Lstat(name string) (fs.FileInfo, error) { return s.stat("lstat", name, false) }

// ReadLink is the target of a symbolic link.
func (s *Snapshot) ReadLink(name string) (string, error) {
	e, err := s.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if e.Mode != filemode.Symlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := s.content(e)
	return string(target), err
}

func (s *Snapshot) stat(op, name string, follow bool) (fs.FileInfo, error) {
	e, err := s.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	info, err := s.info(e)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	info.name = path.Base(name)
	return info, nil
}

// items are the entries of a folder, in git's order.
func (s *Snapshot) items(folder item) ([]item, error) {
	s.repo.objects.Lock()
	defer s.repo.objects.Unlock()
	entries, in, err := s.entries(folder)
	items := make([]item, len(entries))
	for i, e := range entries {
		items[i] = item{TreeEntry: e, path: path.Join(folder.path, e.Name), in: in}
	}
	return items, err
}

// entries are the entries of a folder, and the repository that they are in. The caller holds the lock of objects.
func (s *Snapshot) entries(folder item) ([]object.TreeEntry, *module, error) {
	switch {
	case folder.Mode == filemode.Dir:
		entries, err := s.tree(folder.in, folder.Hash)
		return entries, folder.in, err
	case folder.Mode != filemode.Submodule:
		return nil, nil, fs.ErrNotExist
	case !s.recorded:
		return nil, nil, nil
	}
	sub, err := s.enter(folder)
	if err != nil {
		return nil, nil, err
	}
	entries, err := s.tree(sub, sub.root)
	return entries, sub, err
}

// tree reads a tree once. The caller holds the lock of objects.
func (s *Snapshot) tree(in *module, hash plumbing.Hash) ([]object.TreeEntry, error) {
	if entries, ok := s.trees[hash]; ok {
		return entries, nil
	}
	entries, err := in.repo.tree(hash)
	if err != nil {
		return nil, err
	}
	s.trees[hash] = entries
	return entries, nil
}

// tree reads the entries of a tree. The caller holds the lock of objects.
func (r *Repo) tree(hash plumbing.Hash) ([]object.TreeEntry, error) {
	t, err := r.git.TreeObject(hash)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w: the clone does not have it: run git fsck, or clone again", hash, err)
	}
	return t.Entries, nil
}
