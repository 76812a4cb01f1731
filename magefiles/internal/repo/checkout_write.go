package repo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// write writes the files into a new folder, with git's modes and any umask. No path leaves the folder.
func (c *checkout) write(ctx context.Context, dir string, at time.Time) error {
	if err := os.Mkdir(dir, 0o755); err != nil { // #nosec G301 -- the folder above it is closed to others
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, name := range c.names() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.writeOne(root, name); err != nil {
			return fmt.Errorf("check out %s: %w", name, err)
		}
	}
	return c.settle(root, at)
}

func (c *checkout) writeOne(root *os.Root, name string) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	one := c.files[name]
	if isFolder(one.Mode) { // a submodule that is not needed
		return root.MkdirAll(name, 0o755)
	}
	content, err := c.content(one)
	if err != nil {
		return err
	}
	if one.Mode == filemode.Symlink {
		return root.Symlink(string(content.text), name)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(content.writeTo(f), f.Chmod(fileMode(one.Mode)), f.Close())
}

func (c *checkout) content(one checkedOut) (content, error) {
	c.snapshot.repo.objects.Lock()
	defer c.snapshot.repo.objects.Unlock()
	if one.raw {
		text, err := one.in.repo.blob(one.Hash)
		return content{text: text}, err
	}
	return c.snapshot.contentOf(one.item)
}

// settle sets the modes of folders and all times, innermost first.
func (c *checkout) settle(root *os.Root, at time.Time) error {
	var all []string
	err := fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = root.Chmod(name, 0o755)
		}
		all = append(all, name)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(all) {
		if err := setTime(filepath.Join(root.Name(), filepath.FromSlash(name)), at); err != nil {
			return fmt.Errorf("check out %s: set its time: %w", name, err)
		}
	}
	return nil
}

// isIn reports whether a folder holds exactly the files: modes, times and contents are compared.
func (c *checkout) isIn(dir string, at time.Time) bool {
	wanted := c.folders()
	for name := range c.files {
		wanted[name] = true
	}
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		info, err := os.Lstat(name)
		if err != nil || !wanted[rel] || !info.ModTime().Equal(at) || !c.same(rel, name, info) {
			return errors.Join(err, errChanged)
		}
		delete(wanted, rel)
		return nil
	})
	return err == nil && len(wanted) == 0
}

// folders are the folders of the files.
func (c *checkout) folders() map[string]bool {
	folders := map[string]bool{".": true}
	for name := range c.files {
		for dir := path.Dir(name); !folders[dir]; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	return folders
}

var errChanged = errors.New("changed")

// same compares a file with its source.
func (c *checkout) same(rel, name string, info fs.FileInfo) bool {
	one, ok := c.files[rel]
	if !ok || isFolder(one.Mode) {
		return info.Mode() == fs.ModeDir|0o755
	}
	if one.Mode == filemode.Symlink {
		target, err := os.Readlink(name)
		return err == nil && plumbing.ComputeHash(plumbing.BlobObject, []byte(target)) == one.Hash
	}
	if info.Mode() != fileMode(one.Mode) {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it is only read
	h := plumbing.NewHasher(plumbing.BlobObject, info.Size())
	if _, err := io.Copy(h, f); err != nil {
		return false
	}
	return h.Sum() == one.Hash || !one.raw && c.sameLarge(one, f)
}

// sameLarge compares with the file of Git LFS that a pointer names.
func (c *checkout) sameLarge(one checkedOut, f *os.File) bool {
	content, err := c.content(one)
	if err != nil || content.file == "" {
		return false
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return err == nil && hex.EncodeToString(sum.Sum(nil)) == content.sum
}
