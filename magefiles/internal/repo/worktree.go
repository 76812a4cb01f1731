package repo

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// WorkTree is the work tree's files, given as a file system, in which reading the folder of a submodule that is not checked out is a *MissingError,
// if it is below a folder. Otherwise it would look like an empty folder, and what depends on it would be gone without a word.
func (r *Repo) WorkTree(files fs.FS, below string) (fs.FS, error) {
	missing, err := r.AbsentSubmodules(below)
	if err != nil || len(missing) == 0 {
		return files, err
	}
	absent := map[string]error{}
	for _, one := range missing {
		absent[one.Path] = one
	}
	return workTree{files, absent}, nil
}

// AbsentSubmodules are those at or below some folders that are not checked out, in order.
func (r *Repo) AbsentSubmodules(below ...string) ([]*MissingError, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	idx, err := r.store.Index()
	if err != nil {
		return nil, fmt.Errorf("%s: index: %w", r.root, err)
	}
	scope, tree := newScope(below), &comparison{repo: r}
	var absent []*MissingError
	for _, e := range idx.Entries {
		if e.Mode != filemode.Submodule || !scope.holds(e.Name) {
			continue
		}
		if info, err := os.Lstat(tree.path(e.Name)); err == nil && info.IsDir() && !isRepository(tree.path(e.Name)) {
			absent = append(absent, missingSubmodule(e.Name, e.Hash))
		}
	}
	return absent, nil
}

// workTree reports submodules that are not checked out.
type workTree struct {
	files  fs.FS
	absent map[string]error
}

var (
	_ fs.ReadFileFS = workTree{}
	_ fs.ReadDirFS  = workTree{}
	_ fs.StatFS     = workTree{}
	_ fs.ReadLinkFS = workTree{}
)

func (w workTree) Open(name string) (fs.File, error)      { return w.files.Open(name) }
func (w workTree) ReadFile(name string) ([]byte, error)   { return fs.ReadFile(w.files, name) }
func (w workTree) Stat(name string) (fs.FileInfo, error)  { return fs.Stat(w.files, name) }
func (w workTree) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(w.files, name) }
func (w workTree) ReadLink(name string) (string, error)   { return fs.ReadLink(w.files, name) }
func (w workTree) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := w.absent[name]; err != nil {
		return nil, err
	}
	return fs.ReadDir(w.files, name)
}
