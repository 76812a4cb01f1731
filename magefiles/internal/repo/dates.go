package repo

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Dates returns when each file below a folder of a commit was first and last changed, by path from the root, from one walk through the history. A
// merge counts for files that differ from all of its parents. Renames are not followed: a file starts again under its new name, and one that was
// deleted and added again keeps its first date. A missing folder has no dates.
//
// A shallow clone would give too late dates: the error is ErrShallow.
func (r *Repo) Dates(ctx context.Context, commit, under string) (map[string]vcs.Dates, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	tip, err := r.commit(commit)
	if err != nil {
		return nil, err
	}
	shallow, err := r.store.Shallow()
	if err != nil {
		return nil, fmt.Errorf("%s: shallow: %w", r.root, err)
	}
	d := &dating{repo: r, under: path.Clean(under), dates: map[string]vcs.Dates{}, trees: map[plumbing.Hash]listing{}, ends: map[plumbing.Hash]bool{}}
	for _, h := range shallow {
		d.ends[h] = true
	}
	if err := d.present(tip); err != nil {
		return nil, err
	}
	if err := d.walk(ctx, tip); err != nil {
		return nil, fmt.Errorf("dates of %s: %w", under, err)
	}
	return d.dates, nil
}

// listing is a tree's entries by name.
type listing map[string]object.TreeEntry

// dating is one run of Dates.
type dating struct {
	repo  *Repo
	under string
	dates map[string]vcs.Dates // of the paths that the commit has
	trees map[plumbing.Hash]listing
	ends  map[plumbing.Hash]bool // where the history of a shallow clone ends
}

// present stores the paths to date.
func (d *dating) present(tip *object.Commit) error {
	root, err := d.root(tip)
	if err != nil {
		return err
	}
	return d.differ(root, nil, d.under, func(name string) { d.dates[name] = vcs.Dates{} })
}

// walk visits all commits, each once. The order does not matter.
func (d *dating) walk(ctx context.Context, tip *object.Commit) error {
	seen := map[plumbing.Hash]bool{tip.Hash: true}
	for stack := []*object.Commit{tip}; len(stack) > 0; {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if d.ends[c.Hash] {
			return fmt.Errorf("%w: its history ends at %.12s: run git fetch --unshallow, or check out with fetch-depth: 0", ErrShallow, c.Hash)
		}
		parents := make([]*object.Commit, len(c.ParentHashes))
		for i, h := range c.ParentHashes {
			p, err := d.repo.git.CommitObject(h)
			if err != nil {
				return fmt.Errorf("commit %s: %w: run git fetch, or clone again", h, err)
			}
			if parents[i] = p; !seen[h] {
				seen[h] = true
				stack = append(stack, p)
			}
		}
		if err := d.date(c, parents); err != nil {
			return err
		}
	}
	return nil
}

// date stores a commit's time for the paths that it changed against all of its parents.
func (d *dating) date(c *object.Commit, parents []*object.Commit) error {
	root, err := d.root(c)
	if err != nil {
		return err
	}
	changes := map[string]int{}
	count := func(name string) { changes[name]++ }
	if len(parents) == 0 {
		err = d.differ(root, nil, d.under, count)
	}
	for _, p := range parents {
		before, err := d.root(p)
		if err != nil {
			return err
		}
		if err := d.differ(root, before, d.under, count); err != nil {
			return err
		}
	}
	for name, n := range changes {
		if n >= len(parents) {
			d.note(name, c.Committer.When)
		}
	}
	return err
}

func (d *dating) note(name string, when time.Time) {
	date, ok := d.dates[name]
	if !ok {
		return
	}
	if date.Created.IsZero() || when.Before(date.Created) {
		date.Created = when
	}
	if when.After(date.Modified) {
		date.Modified = when
	}
	d.dates[name] = date
}

// root is the commit's entry for the folder; nil if there is none.
func (d *dating) root(c *object.Commit) (*object.TreeEntry, error) {
	at := object.TreeEntry{Mode: filemode.Dir, Hash: c.TreeHash}
	if d.under == "." {
		return &at, nil
	}
	for part := range strings.SplitSeq(d.under, "/") {
		if at.Mode != filemode.Dir {
			return nil, nil
		}
		list, err := d.list(at.Hash)
		if err != nil {
			return nil, err
		}
		e, ok := list[part]
		if !ok {
			return nil, nil
		}
		at = e
	}
	return &at, nil
}

// differ calls found with the files of now that are missing in before, or different. Equal folders are not entered.
func (d *dating) differ(now, before *object.TreeEntry, name string, found func(string)) error {
	if now == nil || before != nil && now.Hash == before.Hash && now.Mode == before.Mode {
		return nil
	}
	if now.Mode != filemode.Dir {
		found(name)
		return nil
	}
	list, err := d.list(now.Hash)
	if err != nil {
		return err
	}
	var old listing
	if before != nil && before.Mode == filemode.Dir {
		if old, err = d.list(before.Hash); err != nil {
			return err
		}
	}
	for part, e := range list {
		var was *object.TreeEntry
		if o, ok := old[part]; ok {
			if o.Hash == e.Hash && o.Mode == e.Mode {
				continue
			}
			was = &o
		}
		if err := d.differ(&e, was, path.Join(name, part), found); err != nil {
			return err
		}
	}
	return nil
}

// maxTrees bounds the memory for long histories: neighbours in history share trees, distant commits rarely do.
const maxTrees = 4096

func (d *dating) list(hash plumbing.Hash) (listing, error) {
	if l, ok := d.trees[hash]; ok {
		return l, nil
	}
	entries, err := d.repo.tree(hash)
	if err != nil {
		return nil, err
	}
	l := make(listing, len(entries))
	for _, e := range entries {
		l[e.Name] = e
	}
	if len(d.trees) >= maxTrees {
		clear(d.trees)
	}
	d.trees[hash] = l
	return l, nil
}
