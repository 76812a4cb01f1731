//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Free is the number of bytes that this user may still write below a folder, which need not exist yet.
func Free(dir string) (uint64, error) {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		var st unix.Statfs_t
		err := unix.Statfs(at, &st)
		if errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("disk of %s: %w", dir, err)
		}
		return uint64(st.Bavail) * uint64(st.Bsize), nil
	}
}
