package repo

import (
	"encoding/binary"
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

// indexStat is what the index notes of a file's inode, less its mode.
func indexStat(info fs.FileInfo) (stat [40]byte) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stat
	}
	for i, n := range []int64{
		int64(st.Ctim.Sec), int64(st.Ctim.Nsec), int64(st.Mtim.Sec), int64(st.Mtim.Nsec), //nolint:unconvert // 32 bits on other architectures
		int64(st.Dev), int64(st.Ino), 0, int64(st.Uid), int64(st.Gid), st.Size, // #nosec G115 -- the index has the lower 32 bits
	} {
		binary.BigEndian.PutUint32(stat[4*i:], uint32(n)) // #nosec G115 -- the index has the lower 32 bits
	}
	return stat
}
