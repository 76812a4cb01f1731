package build

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// ParseKeep reads the flag -keep, dir:DIR, and returns DIR. The folder must be new or empty: nothing of the user's is ever replaced.
func ParseKeep(s string) (dir string, err error) {
	dir, ok := strings.CutPrefix(s, "dir:")
	if base := filepath.Base(dir); !ok || dir == "" || base == "." || base == ".." || base == string(filepath.Separator) {
		return "", &image.InvalidError{What: "keep", Input: s, Reason: "expected dir:DIR, with the name of a new folder"}
	}
	dir = filepath.Clean(dir)
	if info, err := os.Stat(filepath.Dir(dir)); err != nil || !info.IsDir() {
		return "", &image.InvalidError{What: "keep", Input: s, Reason: "folder " + filepath.Dir(dir) + " not found; create it first"}
	}
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dir, nil
	case err != nil:
		return "", err
	case !info.IsDir() || !isEmpty(dir):
		return "", &image.InvalidError{What: "keep", Input: s, Reason: dir + " exists and is not an empty folder; remove it with its content, or give another name"}
	}
	return dir, nil
}
