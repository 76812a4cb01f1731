package repo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"
)

// same compares a file of the work tree with the index: by what the index noted of its inode where that is safe, else by content.
func (c *comparison) same(ctx context.Context, tracked *index.Entry, entry fs.DirEntry) (bool, error) {
	if tracked.Mode == filemode.Submodule {
		return c.sameSubmodule(ctx, tracked, entry)
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // just removed
	}
	if err != nil {
		return false, err
	}
	if !c.sameMode(tracked.Mode, info.Mode()) {
		return false, nil
	}
	if c.unchangedSince(tracked, info) {
		return true, nil
	}
	if tracked.Size != 0 && tracked.Size != uint32(info.Size()) { // #nosec G115 -- the index holds the lower 32 bits
		return false, nil // 0 is what git notes of a file that it is not sure of
	}
	return c.sameContent(tracked, info)
}

func (c *comparison) sameMode(tracked filemode.FileMode, mode fs.FileMode) bool {
	switch {
	case mode&fs.ModeSymlink != 0:
		return tracked == filemode.Symlink
	case !mode.IsRegular() || tracked == filemode.Symlink:
		return false
	}
	return !c.settings.fileMode || (mode&0o100 != 0) == (tracked == filemode.Executable)
}

// unchangedSince trusts size and times, unless the file was written when the index was or after it
// (https://git-scm.com/docs/racy-git).
func (c *comparison) unchangedSince(tracked *index.Entry, info fs.FileInfo) bool {
	return uint32(info.Size()) == tracked.Size && // #nosec G115 -- the index holds the lower 32 bits
		info.ModTime().Equal(tracked.ModifiedAt) &&
		info.ModTime().Before(c.index.ModTime) &&
		sameInode(tracked, info)
}

func (c *comparison) sameContent(tracked *index.Entry, info fs.FileInfo) (bool, error) {
	name := c.path(tracked.Name)
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(name)
		if err != nil {
			return false, err
		}
		return plumbing.ComputeHash(plumbing.BlobObject, []byte(target)) == tracked.Hash, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	h := plumbing.NewHasher(plumbing.BlobObject, info.Size())
	if _, err := io.Copy(h, f); err != nil {
		return false, err
	}
	if h.Sum() == tracked.Hash {
		return true, nil
	}
	return c.sameWithLineFeeds(tracked, name)
}

// sameWithLineFeeds compares once more with the line ends that git would store, where the configuration makes it turn them.
func (c *comparison) sameWithLineFeeds(tracked *index.Entry, name string) (bool, error) {
	if !c.settings.autoCRLF {
		return false, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	if bytes.IndexByte(text, 0) >= 0 { // binary, to git
		return false, nil
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return plumbing.ComputeHash(plumbing.BlobObject, text) == tracked.Hash, nil
}

// sameSubmodule compares the commit that a submodule has checked out; one that is not initialised is unchanged.
func (c *comparison) sameSubmodule(ctx context.Context, tracked *index.Entry, entry fs.DirEntry) (bool, error) {
	if !entry.IsDir() {
		return false, nil
	}
	dir := c.path(tracked.Name)
	if _, err := os.Lstat(dir + string(os.PathSeparator) + ".git"); err != nil {
		return true, nil
	}
	sub, err := Open(dir, WithEnvironment(c.repo.getenv))
	if err != nil {
		return false, err
	}
	head, err := sub.Head()
	if err != nil || head.Hash != tracked.Hash.String() {
		return false, err
	}
	changed, err := sub.Changed(ctx)
	return len(changed) == 0, err
}
