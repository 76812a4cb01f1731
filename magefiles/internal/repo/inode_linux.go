package repo

import (
	"io/fs"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// sameInode compares what a rewrite changes even if it keeps size and modification time.
func sameInode(tracked *index.Entry, info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	changed := time.Unix(int64(st.Ctim.Sec), int64(st.Ctim.Nsec)) //nolint:unconvert // 32 bits on other architectures
	return changed.Equal(tracked.CreatedAt) && uint32(st.Ino) == tracked.Inode
}
