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

// Comparison tells what two commits have otherwise at a path, by the hashes of trees: nothing below a folder is read. It keeps what it found out
// about paths; its methods may run side by side.
type Comparison struct {
	repo  *Repo                    // its lock of objects guards the maps
	roots map[string]plumbing.Hash // trees of commits
	found map[place]plumbing.Hash  // what trees have under a name; zero is nothing
}

type place struct {
	tree plumbing.Hash
	name string
}

// Compare begins a comparison.
func (r *Repo) Compare() *Comparison {
	return &Comparison{repo: r, roots: map[string]plumbing.Hash{}, found: map[place]plumbing.Hash{}}
}

// Differs says whether two commits, given by their full hashes, have something else at a path: another content, or one of them nothing.
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
	return before != after, err
}

// Files lists the files, by path from the root, that two commits have otherwise at a path.
func (c *Comparison) Files(ctx context.Context, old, now, path string) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c.repo.objects.Lock()
	defer c.repo.objects.Unlock()
	var sides [2]object.TreeEntry
	for i, commit := range []string{old, now} {
		hash, err := c.at(commit, path)
		if err == nil && !hash.IsZero() {
			sides[i], err = c.repo.entryOf(hash)
		}
		if err != nil {
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

// entryOf is an object as a tree would have it. Of a file it is not known whether it can be run. The caller holds the lock of objects.
func (r *Repo) entryOf(hash plumbing.Hash) (object.TreeEntry, error) {
	kind, _, err := r.raw(hash)
	mode := filemode.Regular
	if kind == plumbing.TreeObject {
		mode = filemode.Dir
	}
	return object.TreeEntry{Hash: hash, Mode: mode}, err
}

func (c *Comparison) at(commit, path string) (plumbing.Hash, error) {
	tree, ok := c.roots[commit]
	if !ok {
		found, err := c.repo.commit(commit)
		if err != nil {
			return tree, err
		}
		tree = found.TreeHash
		c.roots[commit] = tree
	}
	if path == "." {
		return tree, nil
	}
	for name := range strings.SplitSeq(path, "/") {
		here := place{tree, name}
		next, ok := c.found[here]
		if !ok {
			var err error
			if next, err = c.repo.entry(tree, name); err != nil {
				return next, fmt.Errorf("commit %.12s: %s: %w", commit, path, err)
			}
			c.found[here] = next
		}
		if tree = next; tree.IsZero() {
			break
		}
	}
	return tree, nil
}

// entry looks one name up in a tree; zero if it is not there, or the tree is a file. go-git decodes all entries, of which there may be
// a thousand. The form is «MODE NAME NUL HASH», one after another. The caller holds the lock of objects.
func (r *Repo) entry(tree plumbing.Hash, name string) (hash plumbing.Hash, err error) {
	kind, rest, err := r.raw(tree)
	if err != nil {
		return hash, fmt.Errorf("tree %s: %w: the clone lacks it: run git fsck, or clone anew", tree, err)
	}
	if kind != plumbing.TreeObject {
		return hash, nil
	}
	wanted := []byte(name)
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, 0)
		if end < 0 || len(rest) < end+1+len(hash) {
			return hash, fmt.Errorf("tree %s is cut off: run git fsck", tree)
		}
		if _, found, _ := bytes.Cut(rest[:end], []byte{' '}); bytes.Equal(found, wanted) {
			copy(hash[:], rest[end+1:])
			return hash, nil
		}
		rest = rest[end+1+len(hash):]
	}
	return hash, nil
}
