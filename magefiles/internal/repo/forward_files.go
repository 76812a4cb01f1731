package repo

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// workPath is where a path from the root is in the work tree.
func (r *Repo) workPath(name string) string { return filepath.Join(r.root, filepath.FromSlash(name)) }

// staged checks the index's entry of a file, and tells whether it is at the new commit already.
func (f *forward) staged(d difference) (now bool, err error) {
	at, count := f.index.find(d.path)
	if count == 0 {
		if d.now.Hash.IsZero() {
			return true, nil
		}
		if d.old.Hash.IsZero() {
			return false, nil
		}
		return false, leave("%s is staged to be deleted in it", d.path)
	}
	e := f.index.entries[at]
	switch {
	case count > 1 || e.flags&flagStage != 0:
		return false, leave("%s has a conflict in it", d.path)
	case e.flags&flagAssumed != 0 || e.more&(moreSkipped|moreIntended) != 0:
		return false, leave("%s has a mark in its index (assume-unchanged, skip-worktree or intent-to-add)", d.path)
	case e.is(d.now):
		return true, nil
	case e.is(d.old):
		return false, nil
	}
	return false, leave("%s is staged with changes in it", d.path)
}

// checkFiles looks at the work tree, and notes which files are behind.
func (f *forward) checkFiles() error {
	for _, d := range f.changes {
		for _, e := range []object.TreeEntry{d.old, d.now} {
			if !e.Hash.IsZero() && !e.Mode.IsFile() || e.Mode == filemode.Symlink || e.Mode == filemode.Submodule {
				return leave("%s is a symbolic link or a submodule", d.path)
			}
		}
		if err := f.checkFolders(d.path); err != nil {
			return err
		}
		is, err := f.fileIs(d)
		if err != nil {
			return err
		}
		if !is {
			f.behind = append(f.behind, d)
		}
	}
	return nil
}

// checkFolders wants plain folders, or none yet, on the way to a file: a symbolic link would lead elsewhere.
func (f *forward) checkFolders(name string) error {
	for i := strings.IndexByte(name, '/'); i >= 0; {
		info, err := os.Lstat(f.repo.workPath(name[:i]))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return leave("%s cannot be looked at in it: %v", name[:i], err)
		case !info.IsDir():
			return leave("%s is no folder in it", name[:i])
		}
		next := strings.IndexByte(name[i+1:], '/')
		if next < 0 {
			return nil
		}
		i += 1 + next
	}
	return nil
}

// fileIs tells whether a file is at the new commit; one that is at neither stops it all.
func (f *forward) fileIs(d difference) (now bool, err error) {
	full := f.repo.workPath(d.path)
	info, err := os.Lstat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if d.now.Hash.IsZero() {
			return true, nil
		}
		if d.old.Hash.IsZero() {
			return false, nil
		}
		return false, leave("%s is deleted in it", d.path)
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, leave("%s is no plain file in it", d.path)
	}
	content, err := os.ReadFile(full)
	if err != nil {
		return false, err
	}
	have := object.TreeEntry{Mode: filemode.Regular, Hash: plumbing.ComputeHash(plumbing.BlobObject, content)}
	if info.Mode()&0o100 != 0 {
		have.Mode = filemode.Executable
	}
	switch {
	case f.same(have, d.now):
		return true, nil
	case f.same(have, d.old):
		return false, nil
	}
	return false, leave("%s is modified in it", d.path)
}

func (f *forward) same(have, want object.TreeEntry) bool {
	return have.Hash == want.Hash && (!f.settings.fileMode || have.Mode == normal(want.Mode))
}

// bring writes or deletes a file of the work tree.
func (f *forward) bring(d difference) error {
	full := f.repo.workPath(d.path)
	if d.now.Hash.IsZero() {
		if err := os.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for dir := path.Dir(d.path); dir != "."; dir = path.Dir(dir) {
			if os.Remove(f.repo.workPath(dir)) != nil { // not empty
				break
			}
		}
		return nil
	}
	content, err := f.repo.blob(d.now.Hash)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil { // #nosec G301 -- the umask decides, as with git
		return err
	}
	mode := fs.FileMode(0o666)
	if normal(d.now.Mode) == filemode.Executable {
		mode = 0o777
	}
	return writeBeside(full, content, mode)
}

// writeBeside writes a file in one step. The temporary name is always the same, so that a kill leaves at most one, which the next run takes.
func writeBeside(full string, content []byte, mode fs.FileMode) error {
	temporary := filepath.Join(filepath.Dir(full), "."+filepath.Base(full)+".blumeops")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode) // #nosec G302 -- the umask decides, as with git
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, full)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	return err
}
