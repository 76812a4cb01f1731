package daemon

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkOwner refuses a folder that another user made first, mainly in /tmp, and a folder that cannot be written.
func checkOwner(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(st.Uid) != os.Getuid() {
		return fmt.Errorf("the engine's folder %s does not belong to this user: remove it, or choose another folder", dir)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return fmt.Errorf("the engine's folder %s cannot be written: %w", dir, err)
	}
	return nil
}
