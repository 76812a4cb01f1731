package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// keptCheckouts is the number of checkouts that are kept for the next build of the same files.
const keptCheckouts = 24

// lockPoll is the pause between two attempts at a lock that another process holds.
const lockPoll = 20 * time.Millisecond

// CheckedOut is a folder with files of a commit. It does not change until Release.
type CheckedOut struct {
	Root    string // has the files at their paths from the root of the repository
	Scratch string // a folder for results made from the files; it is removed with them
	Release func()
}

// CheckOut writes parts of a commit into a folder below cache, which is named by its content: files as git stores them, mode 0644 or
// 0755 and symbolic links, in folders of mode 0755, all with the same time, with any umask and settings of this clone. Content that is
// recorded elsewhere and missing is an error, with a *MissingError for each.
//
// Existing files are compared with the commit, and not written again. Checkouts that were not used recently are removed.
func (s *Snapshot) CheckOut(ctx context.Context, cache string, at time.Time, parts []Part) (*CheckedOut, error) {
	c, err := s.collect(ctx, parts)
	if err == nil {
		err = c.error()
	}
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, fmt.Errorf("store checked out files: %w", err)
	}
	at = at.UTC().Truncate(time.Second)
	place := filepath.Join(cache, c.key(at))
	gate, lock := flock.New(filepath.Join(cache, "gate")), flock.New(place+".lock")
	if _, err := gate.TryRLockContext(ctx, lockPoll); err != nil { // while it is held, no process removes locks
		return nil, fmt.Errorf("wait for the removal of old checkouts: %w", err)
	}
	err = errors.Join(c.provide(ctx, lock, place, at), gate.Close())
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	prune(cache, keptCheckouts)
	return &CheckedOut{Root: filepath.Join(place, "files"), Scratch: filepath.Join(place, "made"), Release: func() { _ = lock.Close() }}, nil
}

// provide makes sure that the files exist. It returns with the lock shared with other readers.
func (c *checkout) provide(ctx context.Context, lock *flock.Flock, place string, at time.Time) error {
	for {
		if _, err := lock.TryRLockContext(ctx, lockPoll); err != nil {
			return fmt.Errorf("wait for another checkout of the same files: %w", err)
		}
		now := time.Now()
		if c.isIn(filepath.Join(place, "files"), at) {
			return os.Chtimes(lock.Path(), now, now) // it is in use again
		}
		if err := lock.Unlock(); err != nil {
			return err
		}
		if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
			return fmt.Errorf("wait for another checkout of the same files: %w", err)
		}
		if !c.isIn(filepath.Join(place, "files"), at) {
			if err := c.replace(ctx, place, at); err != nil {
				return err
			}
		}
		if err := lock.Unlock(); err != nil {
			return err
		}
	}
}

// replace writes the files to a temporary folder, and moves them to their place.
func (c *checkout) replace(ctx context.Context, place string, at time.Time) error {
	beside := place + ".new"
	if err := errors.Join(os.RemoveAll(place), os.RemoveAll(beside), os.Mkdir(beside, 0o700)); err != nil {
		return fmt.Errorf("store checked out files: %w", err)
	}
	err := c.write(ctx, filepath.Join(beside, "files"), at)
	if err == nil && !c.isIn(filepath.Join(beside, "files"), at) {
		err = fmt.Errorf("%s: the written files differ from the commit: run git fsck in the clone, and check that the cache's file system keeps modes and times", place)
	}
	if err == nil {
		err = os.Rename(beside, place)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(beside))
	}
	return nil
}

// prune removes all but the most recently used checkouts. Those in use stay; a failed removal is tried again next time.
func prune(cache string, keep int) {
	gate := flock.New(filepath.Join(cache, "gate"))
	defer func() { _ = gate.Close() }()
	if ok, err := gate.TryLock(); err != nil || !ok {
		return
	}
	locks, _ := filepath.Glob(filepath.Join(cache, "*.lock"))
	used := map[string]time.Time{}
	for _, name := range locks {
		if info, err := os.Stat(name); err == nil {
			used[name] = info.ModTime()
		}
	}
	slices.SortFunc(locks, func(a, b string) int { return cmp.Or(used[b].Compare(used[a]), strings.Compare(a, b)) })
	for _, name := range locks[min(keep, len(locks)):] {
		lock := flock.New(name)
		if ok, err := lock.TryLock(); err == nil && ok {
			place := strings.TrimSuffix(name, ".lock")
			if os.RemoveAll(place) == nil && os.RemoveAll(place+".new") == nil {
				_ = os.Remove(name)
			}
		}
		_ = lock.Close()
	}
}
