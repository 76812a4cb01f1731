//go:build linux

package main

import (
	"archive/tar"
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// archive writes folders as one tar: everything in them, with owners, modes and times. Links are not followed. A socket has no content and is left
// out. The names begin with that of the folder.
func archive(folders []string, to io.Writer) error {
	out := bufio.NewWriterSize(to, 256<<10)
	a := archiver{tar: tar.NewWriter(out), names: map[inode]string{}}
	for _, folder := range folders {
		if err := filepath.WalkDir(folder, a.add); err != nil {
			return fmt.Errorf("read %s: %w", folder, err)
		}
	}
	if err := a.tar.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// inode is a file, whatever its name is.
type inode struct{ device, number uint64 }

type archiver struct {
	tar   *tar.Writer
	names map[inode]string // of files that may have more names
}

// add is an fs.WalkDirFunc.
func (a archiver) add(path string, d fs.DirEntry, err error) error {
	if err != nil || d.Type()&fs.ModeSocket != 0 {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	target := ""
	if d.Type()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(numbered{info}, target)
	if err != nil {
		return err
	}
	header.Name = strings.TrimPrefix(path, "/")
	header.ModTime = header.ModTime.Truncate(time.Second) // the format would round it, up to a time that is not yet
	if d.IsDir() {
		header.Name += "/"
	}
	if first := a.otherName(info, header.Name); first != "" {
		header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
	}
	if err := a.tar.WriteHeader(header); err != nil || header.Typeflag != tar.TypeReg {
		return err
	}
	return a.content(path)
}

// otherName is an earlier name of the same file, "" for none.
func (a archiver) otherName(info fs.FileInfo, name string) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || stat.Nlink < 2 {
		return ""
	}
	file := inode{uint64(stat.Dev), stat.Ino}
	first := a.names[file]
	if first == "" {
		a.names[file] = name
	}
	return first
}

func (a archiver) content(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(a.tar, f)
	return err
}

// numbered is a file whose owner has no name: the numbers count.
type numbered struct{ fs.FileInfo }

func (numbered) Uname() (string, error) { return "", nil }
func (numbered) Gname() (string, error) { return "", nil }
