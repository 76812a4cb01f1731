package build

import (
	"io/fs"
	"syscall"
)

// changeTime is the time of the last change of a file or its attributes, in nanoseconds. Unlike the modification time, a user cannot set it.
func changeTime(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ctim.Nano()
	}
	return 0
}
