package docschangelog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
)

// maxLinks bounds the symbolic links on the way to a file.
const maxLinks = 8

// writeTree makes the changes in a working tree: it replaces the changelog in one step, and then removes the fragments. If it is
// interrupted, the text of every fragment is in the changelog or in its file.
func writeTree(root *os.Root, r *changelog.Result) error {
	file, err := target(root, r.File)
	if err != nil {
		return err
	}
	for _, change := range r.Changes {
		if change.Delete {
			err = root.Remove(change.Path)
		} else {
			err = replaceFile(root, file, change.Content)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w; run the same command again to finish", change.Path, err)
		}
	}
	if r.Exists { // and perhaps also the temporary file of a killed run
		_ = root.Remove(beside(file))
	}
	return nil
}

// target is the target of a name that may be a symbolic link.
func target(root *os.Root, name string) (string, error) {
	for range maxLinks {
		info, err := root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return "", fmt.Errorf("%s is not a file", name)
		}
		link, err := root.Readlink(name)
		if err != nil {
			return "", err
		}
		name = path.Join(path.Dir(name), link)
	}
	return "", fmt.Errorf("%s is a broken symbolic link", name)
}

// beside is the temporary name of a file before it replaces the old one. It is always the same, so a killed run leaves one at most and
// the next overwrites it.
func beside(name string) string { return path.Join(path.Dir(name), "."+path.Base(name)+".new") }

// replaceFile replaces a file in one step: it has the old content or the new, never a part. The mode stays.
func replaceFile(root *os.Root, name string, content []byte) (err error) {
	mode := fs.FileMode(0o644)
	if info, err := root.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp := beside(name)
	if err := root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(temp) // the first error is returned
		}
	}()
	if err := writeSynced(root, temp, content, mode); err != nil {
		return err
	}
	return root.Rename(temp, name)
}

// writeSynced writes a new file and syncs it to the disk.
func writeSynced(root *os.Root, name string, content []byte, mode fs.FileMode) error {
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
}
