// Package scratch makes temporary folders and files that are removed even after a kill: each is locked while its process lives, and the
// next one with the same prefix in the same folder removes those that are not locked.
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

// Make makes a folder in parent, or in the system's temporary folder if parent is empty. The prefix must not be used for anything else:
// anything with that prefix that is not locked is removed. In a shared folder it begins with the project's name.
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
		if lock, ok := lock(path); ok {
			return Dir{path, lock}, nil
		}
	}
}

// Remove removes the folder with its content. For the zero Dir it does nothing.
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
		if lock, ok := lock(f.Name()); ok {
			return File{f, lock}, nil
		}
		_ = f.Close() // another process removed it as a leftover
	}
}

// Discard closes the file and removes the file at its path. A renamed file stays.
func (f File) Discard() {
	_ = f.Close() // usually it is closed already, and that error was returned
	_ = os.Remove(f.Name())
	_ = release(f.lock)
}

// hold locks a new file or folder. ok is false if another process removed it in between. On a file system without locks nothing is swept, and
// there is no lock.
func lock(path string) (_ *flock.Flock, ok bool) {
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

// sweep removes leftovers of killed processes. It ignores failures: the leftover may be another user's, and does not
// matter for this run.
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
