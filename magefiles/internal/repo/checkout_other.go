//go:build !linux && !darwin && !freebsd

package repo

import (
	"io/fs"
	"os"
	"time"
)

// setTime sets the time of a file or a folder; the time of a symbolic link cannot be set here.
func setTime(name string, at time.Time) error {
	if info, err := os.Lstat(name); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return err
	}
	return os.Chtimes(name, at, at)
}
