package repo

import (
	"bytes"
	"io"
	"io/fs"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// snapshotInfo describes a file of a snapshot.
type snapshotInfo struct {
	name string
	size int64
	mode fs.FileMode
	time time.Time
}

func (i snapshotInfo) Name() string       { return i.name }
func (i snapshotInfo) Size() int64        { return i.size }
func (i snapshotInfo) Mode() fs.FileMode  { return i.mode }
func (i snapshotInfo) ModTime() time.Time { return i.time }
func (i snapshotInfo) IsDir() bool        { return i.mode.IsDir() }
func (i snapshotInfo) Sys() any           { return nil }

func (s *Snapshot) info(n item) (info snapshotInfo, err error) {
	info = snapshotInfo{name: n.Name, mode: fileMode(n.Mode), time: s.time}
	if isFolder(n.Mode) {
		return info, nil
	}
	s.repo.objects.Lock()
	defer s.repo.objects.Unlock()
	info.size, err = n.in.repo.store.EncodedObjectSize(n.Hash)
	if err != nil || !s.recorded || info.size >= maxPointer {
		return info, err
	}
	c, err := s.contentOf(n)
	if c.file != "" {
		info.size = c.pointer.size
	}
	return info, err
}

func isFolder(m filemode.FileMode) bool { return m == filemode.Dir || m == filemode.Submodule }

// fileMode is the mode of a tree's entry in a checkout.
func fileMode(m filemode.FileMode) fs.FileMode {
	switch m {
	case filemode.Dir, filemode.Submodule:
		return fs.ModeDir | 0o755
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Executable:
		return 0o755
	}
	return 0o644
}

// snapshotEntry is one entry of a folder.
type snapshotEntry struct {
	snapshot *Snapshot
	item     item
}

func (e snapshotEntry) Name() string               { return e.item.Name }
func (e snapshotEntry) IsDir() bool                { return isFolder(e.item.Mode) }
func (e snapshotEntry) Type() fs.FileMode          { return fileMode(e.item.Mode).Type() }
func (e snapshotEntry) Info() (fs.FileInfo, error) { return e.snapshot.info(e.item) }
func (e snapshotEntry) String() string             { return fs.FormatDirEntry(e) }

type snapshotFile struct {
	*bytes.Reader
	info snapshotInfo
}

func (f *snapshotFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *snapshotFile) Close() error               { return nil }

type snapshotDir struct {
	info snapshotInfo
	list []fs.DirEntry // not read yet
}

func (d *snapshotDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *snapshotDir) Close() error               { return nil }
func (d *snapshotDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: fs.ErrInvalid}
}

func (d *snapshotDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.list) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.list) {
		n = len(d.list)
	}
	list := d.list[:n]
	d.list = d.list[n:]
	return list, nil
}
