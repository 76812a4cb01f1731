//go:build linux || darwin || freebsd

package repo

import (
	"time"

	"golang.org/x/sys/unix"
)

// setTime sets the time of a file, a folder or a symbolic link itself.
func setTime(name string, at time.Time) error {
	when, err := unix.TimeToTimespec(at)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{when, when}, unix.AT_SYMLINK_NOFOLLOW)
}
