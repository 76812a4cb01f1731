package regular

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// Beside is the temporary name of a file before it replaces the old one. It is always the same, so a killed run leaves one at most and
// the next overwrites it.
func Beside(name string) string { return path.Join(path.Dir(name), "."+path.Base(name)+".new") }

// Replace replaces a file in one step: it has the old content or the new, never a part. The mode stays.
func Replace(root *os.Root, name string, content []byte) (err error) {
	mode := fs.FileMode(0o644)
	if info, err := root.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	temp := Beside(name)
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
