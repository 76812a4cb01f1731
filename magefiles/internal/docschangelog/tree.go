package docschangelog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
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
			err = regular.Replace(root, file, change.Content)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w; run the same command again to finish", change.Path, err)
		}
	}
	if r.Exists { // and perhaps also the temporary file of a killed run
		_ = root.Remove(regular.Beside(file))
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
