package repo

import (
	"context"
	"fmt"
	"io/fs"
	"os"
)

// WorkTree is the work tree's files, given as a file system. Reading the folder of a submodule that is not checked out is a *MissingError, if it is
// below a folder. Otherwise it would look like an empty folder, and its content would be silently missing.
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

// AbsentSubmodules are the submodules at or below some folders that are not checked out, in order.
func (r *Repo) AbsentSubmodules(below ...string) ([]*MissingError, error) {
	modules, err := r.submodules(context.Background())
	if err != nil {
		return nil, fmt.Errorf("%s: look for submodules: %w", r.root, err)
	}
	scope := newScope(below)
	var absent []*MissingError
	for _, m := range modules {
		if !scope.contains(m.path) {
			continue
		}
		if info, err := os.Lstat(r.workPath(m.path)); err == nil && info.IsDir() && !isRepository(r.workPath(m.path)) {
			absent = append(absent, missingSubmodule(m.path, m.commit))
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
