package repo

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Comparison compares two commits at a path by the hashes of trees: it reads nothing below equal folders. It caches entries by path; its methods
// may be called concurrently.
//
// A submodule is the commit that is recorded: every path below it differs if that does.
type Comparison struct {
	repo  *Repo                      // its lock of objects guards the maps
	roots map[string]plumbing.Hash   // trees of commits
	found map[place]object.TreeEntry // entries of trees by name; zero if missing
}

type place struct {
	tree plumbing.Hash
	name string
}

// Compare begins a comparison.
func (r *Repo) Compare() *Comparison {
	return &Comparison{repo: r, roots: map[string]plumbing.Hash{}, found: map[place]object.TreeEntry{}}
}

// Differs reports whether two commits, given by their full hashes, differ at a path: in content, or because one has nothing there.
func (c *Comparison) Differs(ctx context.Context, old, now, path string) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	c.repo.objects.Lock()
	defer c.repo.objects.Unlock()
	before, err := c.at(old, path)
	if err != nil {
		return false, err
	}
	after, err := c.at(now, path)
	return before.Hash != after.Hash, err
}

// Files lists the files at a path, by their paths from the root, that differ between two commits.
func (c *Comparison) Files(ctx context.Context, old, now, path string) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c.repo.objects.Lock()
	defer c.repo.objects.Unlock()
	var sides [2]object.TreeEntry
	for i, commit := range []string{old, now} {
		var err error
		if sides[i], err = c.at(commit, path); err != nil {
			return nil, err
		}
	}
	list, err := c.repo.expandDifference(difference{path: path, old: sides[0], now: sides[1]})
	files := make([]string, len(list))
	for i, d := range list {
		files[i] = d.path
	}
	return files, err
}

func (c *Comparison) at(commit, path string) (e object.TreeEntry, err error) {
	tree, ok := c.roots[commit]
	if !ok {
		found, err := c.repo.commit(commit)
		if err != nil {
			return e, err
		}
		tree = found.TreeHash
		c.roots[commit] = tree
	}
	e = object.TreeEntry{Hash: tree, Mode: filemode.Dir}
	if path == "." {
		return e, nil
	}
	for name := range strings.SplitSeq(path, "/") {
		switch e.Mode {
		case filemode.Submodule:
			return e, nil
		case filemode.Dir:
		default:
			return object.TreeEntry{}, nil
		}
		here := place{e.Hash, name}
		next, ok := c.found[here]
		if !ok {
			if next, err = c.repo.entry(e.Hash, name); err != nil {
				return next, fmt.Errorf("commit %.12s: %s: %w", commit, path, err)
			}
			c.found[here] = next
		}
		if e = next; e.Hash.IsZero() {
			break
		}
	}
	return e, nil
}

// entry looks up one name in a tree; zero if it is missing. go-git decodes all entries, of which there may be a thousand. The format is
// a sequence of "MODE NAME NUL HASH". The caller holds the lock of objects.
func (r *Repo) entry(tree plumbing.Hash, name string) (e object.TreeEntry, err error) {
	kind, rest, err := r.raw(tree)
	if err != nil {
		return e, fmt.Errorf("tree %s: %w: the clone does not have it: run git fsck, or clone again", tree, err)
	}
	if kind != plumbing.TreeObject {
		return e, nil
	}
	wanted := []byte(name)
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, 0)
		if end < 0 || len(rest) < end+1+len(e.Hash) {
			return e, fmt.Errorf("tree %s is cut off: run git fsck", tree)
		}
		if mode, found, _ := bytes.Cut(rest[:end], []byte{' '}); bytes.Equal(found, wanted) {
			copy(e.Hash[:], rest[end+1:])
			e.Name = name
			e.Mode, err = filemode.New(string(mode))
			return e, err
		}
		rest = rest[end+1+len(e.Hash):]
	}
	return e, nil
}
