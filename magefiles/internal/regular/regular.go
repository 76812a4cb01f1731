// Package regular reads the files of a tree that strangers write to: only regular files and folders. A pipe in their place would wait for a
// writer that never comes, and a device would give endless bytes.
package regular

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// ErrSpecial is the error of a pipe, a device or the like in the place of a file.
var ErrSpecial = errors.New("is not a regular file: replace it with one, or remove it")

// MaxFile is the size in bytes of the largest file that is read as a whole.
const MaxFile = 512 << 20

// ErrTooLarge is the error of a file that is larger than MaxFile.
var ErrTooLarge = fmt.Errorf("is larger than %d MiB, the maximum: reduce it, or remove it", MaxFile>>20)

// FS is a folder as a file system that no path leaves.
func FS(root *os.Root) fs.FS { return tree{root, root.FS()} }

// tree has the methods of os.Root's own file system: ReadDir, Stat, Lstat and ReadLink, and Open and ReadFile.
type tree struct {
	root *os.Root
	fs.FS
}

// Open implements fs.FS.
func (t tree) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return open(name, t.root.Stat, t.root.OpenFile)
}

// ReadFile implements fs.ReadFileFS.
func (t tree) ReadFile(name string) ([]byte, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	return whole(f, name)
}

// ReadDir implements fs.ReadDirFS.
func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := t.Open(name) // the root's own ReadDir would also wait for a pipe
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.(fs.ReadDirFile).ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// Stat implements fs.StatFS.
func (t tree) Stat(name string) (fs.FileInfo, error) { return fs.Stat(t.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (t tree) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(t.FS, name) }

// ReadLink implements fs.ReadLinkFS.
func (t tree) ReadLink(name string) (string, error) { return fs.ReadLink(t.FS, name) }

// ReadFile is os.ReadFile for a file of such a tree, by its path.
func ReadFile(name string) ([]byte, error) {
	f, err := open(name, os.Stat, os.OpenFile)
	if err != nil {
		return nil, err
	}
	return whole(f, name)
}

// open checks the file before and after it is opened: opening a device may have effects, and the file may be replaced in between. It does not
// wait for the writer of a pipe.
func open(name string, stat func(string) (fs.FileInfo, error), openFile func(string, int, fs.FileMode) (*os.File, error)) (*os.File, error) {
	if info, err := stat(name); err == nil && special(info) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrSpecial}
	}
	f, err := openFile(name, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && special(info) {
		err = &fs.PathError{Op: "read", Path: name, Err: ErrSpecial}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func special(info fs.FileInfo) bool { return !info.Mode().IsRegular() && !info.IsDir() }

func whole(f fs.File, name string) ([]byte, error) {
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	case info.Size() > MaxFile:
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	buffer := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := buffer.ReadFrom(io.LimitReader(f, MaxFile+1)); err != nil { // it may have grown since
		return nil, err
	}
	if buffer.Len() > MaxFile {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	return buffer.Bytes(), nil
}
