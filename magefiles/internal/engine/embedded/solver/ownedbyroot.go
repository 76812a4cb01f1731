package solver

import (
	"context"
	gofs "io/fs"

	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// ownedByRoot shows a directory with every file owned by root: the owner of a checkout on the host must not affect an image.
func ownedByRoot(fs fsutil.FS) fsutil.FS { return rootFS{fs} }

type rootFS struct{ fsutil.FS }

func (r rootFS) Walk(ctx context.Context, target string, fn gofs.WalkDirFunc) error {
	return r.FS.Walk(ctx, target, func(path string, entry gofs.DirEntry, err error) error {
		if entry != nil {
			entry = rootEntry{entry}
		}
		return fn(path, entry, err)
	})
}

type rootEntry struct{ gofs.DirEntry }

func (e rootEntry) Info() (gofs.FileInfo, error) {
	info, err := e.DirEntry.Info()
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*fstypes.Stat)
	if !ok || (st.Uid == 0 && st.Gid == 0) {
		return info, nil
	}
	st = st.Clone()
	st.Uid, st.Gid = 0, 0
	return &fsutil.StatInfo{Stat: st}, nil
}
