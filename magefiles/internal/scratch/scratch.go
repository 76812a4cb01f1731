// Package scratch makes temporary folders and files that no kill leaves for ever: each is locked for as long as its process lives, and the
// next one with the same prefix in the same folder removes those that nobody holds.
package scratch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// Dir is a temporary folder.
type Dir struct {
	Path string
	lock *flock.Flock
}

// Make makes a folder in parent, which is the system's for temporary files if it is empty. The prefix is for this purpose alone: what begins
// so, and is held by nobody, is removed. In a folder of others it begins with the project's name.
func Make(parent, prefix string) (Dir, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent, prefix)
	for {
		path, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return Dir{}, err
		}
		if lock, ok := hold(path); ok {
			return Dir{path, lock}, nil
		}
	}
}

// Remove removes the folder with all that it holds. Of the zero Dir there is nothing to remove.
func (d Dir) Remove() error {
	if d.Path == "" {
		return nil
	}
	return errors.Join(os.RemoveAll(d.Path), release(d.lock))
}

// File is a temporary file, open for writing.
type File struct {
	*os.File
	lock *flock.Flock
}

// Create makes a file in a folder, as Make does.
func Create(parent, prefix string) (File, error) {
	sweep(parent, prefix)
	for {
		f, err := os.CreateTemp(parent, prefix)
		if err != nil {
			return File{}, err
		}
		if lock, ok := hold(f.Name()); ok {
			return File{f, lock}, nil
		}
		_ = f.Close() // somebody took it for one that was left
	}
}

// Discard closes the file and removes what is at its path. What was renamed stays.
func (f File) Discard() {
	_ = f.Close() // as a rule it was closed, and the error told
	_ = os.Remove(f.Name())
	_ = release(f.lock)
}

// hold locks what was just made. ok is false if another process swept it away in between. Where a file system has no locks nothing is swept, and
// there is no lock.
func hold(path string) (_ *flock.Flock, ok bool) {
	made, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	locked, err := lock.TryLock()
	if errors.Is(err, os.ErrNotExist) || err == nil && !locked {
		return nil, false
	}
	if err != nil {
		return nil, true
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(made, now) {
		_ = lock.Close()
		return nil, false
	}
	return lock, true
}

func release(lock *flock.Flock) error {
	if lock == nil {
		return nil
	}
	return lock.Close()
}

// sweep removes what processes left that were killed. What it cannot remove is another user's, or no matter of this run.
func sweep(parent, prefix string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.IsDir() && !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(parent, e.Name())
		lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
		if locked, err := lock.TryLock(); err == nil && locked {
			_ = os.RemoveAll(path)
		}
		_ = lock.Close()
	}
}
