package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// lockMark is in locks of this program, so that one that a kill has left can be told from git's own.
const lockMark = "held by blumeops\n"

// lockFile is git's lock of a file, PATH.lock, which keeps git out as well. Unlike git's it holds a mark and not the new content, and a lock of the
// operating system, which ends with the process: so the next run can take over a lock whose holder was killed.
type lockFile struct {
	path string // of what is locked
	file *os.File
}

// lock takes the lock of a file. scratch is a folder for temporary files, on the same file system.
func lock(path, scratch string) (*lockFile, error) {
	f, err := os.CreateTemp(scratch, "blumeops-lock-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(lockMark)
	if err = errors.Join(err, systemLock(f)); err == nil {
		err = os.Link(f.Name(), path+".lock")
	}
	if err == nil {
		return &lockFile{path, f}, nil
	}
	_ = f.Close()
	if errors.Is(err, fs.ErrExist) {
		return takeOver(path)
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// takeOver takes a lock of ours whose holder is gone.
func takeOver(path string) (*lockFile, error) {
	locked := fmt.Errorf("%s.lock: %w: wait for it, or remove the file if no git runs here", path, ErrLocked)
	f, err := os.OpenFile(path+".lock", os.O_RDWR, 0)
	if err != nil {
		return nil, locked // it went this very moment, or is nobody's business
	}
	mark, err := os.ReadFile(path + ".lock")
	if err == nil && bytes.Equal(mark, []byte(lockMark)) && systemLock(f) == nil && isAt(f, path+".lock") {
		return &lockFile{path, f}, nil
	}
	_ = f.Close()
	return nil, locked
}

// isAt tells whether an open file is still what a path names.
func isAt(f *os.File, path string) bool {
	own, err := f.Stat()
	there, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(own, there)
}

// replace puts new content in the place of what is locked, in one step. The lock stays.
func (l *lockFile) replace(content []byte, scratch string) error {
	f, err := os.CreateTemp(scratch, "blumeops-new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(l.path); err == nil {
		mode = info.Mode().Perm() // as core.sharedRepository may have set it
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o777); err != nil { // #nosec G301 -- the umask decides, as with git
		return err
	}
	return os.Rename(f.Name(), l.path)
}

// release gives the lock up.
func (l *lockFile) release() {
	_ = os.Remove(l.path + ".lock")
	_ = l.file.Close()
}
