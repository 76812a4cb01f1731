package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Store has copies of folders, each below the hash of its content: for engines that compare the files of a path by size and time.
type Store struct {
	Dir string // created if it is missing
}

// keep is how long an unused copy is kept.
const keep = 24 * time.Hour

// Put returns the path of a copy of a folder, without the files that the patterns of a .dockerignore exclude. An existing copy is used again, if
// it is unchanged. Copies that were not used for a day are removed.
func (s Store) Put(ctx context.Context, dir string, exclude []string) (string, error) {
	tree, err := open(ctx, dir, exclude)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", dir, err)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return "", err
	}
	s.prune(time.Now().Add(-keep))
	place := filepath.Join(s.Dir, tree.Digest())
	if s.has(ctx, tree, place) {
		return place, nil
	}
	if err := s.copy(tree, place); err != nil && !s.has(ctx, tree, place) { // another process may have been faster
		return "", fmt.Errorf("copy %s: %w", dir, err)
	}
	return place, nil
}

func open(ctx context.Context, dir string, exclude []string) (*Tree, error) {
	from, err := fsutil.NewFS(dir)
	if err != nil {
		return nil, err
	}
	from, err = fsutil.NewFilterFS(from, &fsutil.FilterOpt{ExcludePatterns: exclude, Map: portable})
	if err != nil {
		return nil, err
	}
	return Read(ctx, from)
}

// portable reduces an entry to the attributes of a copy: no owner, no extended attributes, folders that can be written. Dagger ignores owners and
// attributes, and also devices and fifos.
func portable(_ string, stat *fstypes.Stat) fsutil.MapResult {
	mode := os.FileMode(stat.Mode)
	if mode&(fs.ModeDevice|fs.ModeCharDevice|fs.ModeNamedPipe|fs.ModeIrregular) != 0 {
		return fsutil.MapResultExclude
	}
	if mode.IsDir() {
		stat.Mode |= 0o700
	}
	stat.Uid, stat.Gid, stat.Xattrs = 0, 0, nil
	return fsutil.MapResultKeep
}

// has reports whether a copy is correct, and marks it as used.
func (s Store) has(ctx context.Context, tree *Tree, place string) bool {
	now := time.Now()
	if os.Chtimes(place, now, now) != nil {
		return false
	}
	there, err := open(ctx, place, nil)
	return err == nil && there.Digest() == tree.Digest()
}

// prune removes copies that were not used since then. Copies that cannot be removed stay.
func (s Store) prune(before time.Time) {
	entries, _ := os.ReadDir(s.Dir) // it was created
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			_ = os.RemoveAll(filepath.Join(s.Dir, e.Name()))
		}
	}
}

// copy writes the tree to a temporary folder first, so that no reader finds a partial copy.
func (s Store) copy(tree *Tree, place string) (err error) {
	temp, err := os.MkdirTemp(s.Dir, "new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	made := filepath.Join(temp, "made")
	if err := errors.Join(os.Mkdir(made, 0o755), os.Chmod(made, 0o755)); err != nil {
		return err
	}
	for _, e := range tree.entries {
		if err := tree.copyEntry(e, made); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	return os.Rename(made, place)
}

func (t *Tree) copyEntry(e *entry, root string) error {
	to, mode := filepath.Join(root, e.stat.Path), os.FileMode(e.stat.Mode)
	switch {
	case mode.IsDir():
		return errors.Join(os.Mkdir(to, 0o700), os.Chmod(to, mode))
	case mode&fs.ModeSymlink != 0:
		return os.Symlink(e.stat.Linkname, to)
	case e.stat.Linkname != "":
		return os.Link(filepath.Join(root, e.stat.Linkname), to)
	}
	return t.copyFile(e.stat, to)
}

func (t *Tree) copyFile(stat *fstypes.Stat, to string) error {
	from, err := t.Open(stat.Path)
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	at := time.Unix(0, stat.ModTime)
	return errors.Join(err, file.Close(), os.Chmod(to, os.FileMode(stat.Mode)), os.Chtimes(to, at, at))
}
