package adopt

import (
	"io/fs"
	"path"
	"slices"
)

// listed is a file system with only some files: those that git tracks, or would track after git add.
type listed struct {
	fs.FS
	files, folders map[string]bool
}

func newListed(files fs.FS, list []string) listed {
	l := listed{files, map[string]bool{}, map[string]bool{".": true}}
	for _, name := range list {
		l.files[name] = true
		for dir := path.Dir(name); !l.folders[dir]; dir = path.Dir(dir) {
			l.folders[dir] = true
		}
	}
	return l
}

// has says that a path is listed, or is below a listed symbolic link.
func (l listed) has(name string) bool {
	if l.folders[name] || l.files[name] {
		return true
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if l.files[dir] {
			return true
		}
	}
	return false
}

func (l listed) refuse(operation, name string) error {
	if l.has(path.Clean(name)) {
		return nil
	}
	return &fs.PathError{Op: operation, Path: name, Err: fs.ErrNotExist}
}

// Open implements fs.FS.
func (l listed) Open(name string) (fs.File, error) {
	if err := l.refuse("open", name); err != nil {
		return nil, err
	}
	return l.FS.Open(name)
}

// Stat implements fs.StatFS.
func (l listed) Stat(name string) (fs.FileInfo, error) {
	if err := l.refuse("stat", name); err != nil {
		return nil, err
	}
	return fs.Stat(l.FS, name)
}

// ReadDir implements fs.ReadDirFS.
func (l listed) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := l.refuse("read", name); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(l.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !l.has(path.Join(name, e.Name())) }), err
}
