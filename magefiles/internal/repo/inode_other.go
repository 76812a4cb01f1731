//go:build !linux

package repo

import (
	"io/fs"

	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// sameInode has nothing more to compare here than size and modification time.
func sameInode(*index.Entry, fs.FileInfo) bool { return true }
