//go:build linux || darwin || freebsd

package repo

import (
	"os"
	"syscall"
)

// systemLock locks an open file for this process, or fails at once if another has it.
func systemLock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // #nosec G115 -- a descriptor
}
