package repo

import (
	"context"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Reached are the commits that some tips are, or have among their ancestors.
type Reached struct {
	commits map[plumbing.Hash]bool
	cut     bool
}

// Reach walks the history of all tips, which this clone has to have, once.
func (r *Repo) Reach(ctx context.Context, tips ...string) (Reached, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	shallow, err := r.store.Shallow()
	if err != nil {
		return Reached{}, err
	}
	found := Reached{commits: map[plumbing.Hash]bool{}}
	for _, h := range shallow {
		found.commits[h] = false // a commit whose parents are not here
	}
	var queue []plumbing.Hash
	for _, tip := range tips {
		c, err := r.commit(tip)
		if err != nil {
			return Reached{}, err
		}
		queue = append(queue, c.Hash)
	}
	for ; len(queue) > 0; queue = queue[1:] {
		h := queue[0]
		seen, ends := found.commits[h]
		if seen {
			continue
		}
		found.commits[h] = true
		if ends {
			found.cut = true
			continue
		}
		if ctx.Err() != nil {
			return Reached{}, context.Cause(ctx)
		}
		c, err := r.git.CommitObject(h)
		if err != nil {
			return Reached{}, fmt.Errorf("commit %s: %w: run git fetch, or clone anew", h, err)
		}
		queue = append(queue, c.ParentHashes...)
	}
	return found, nil
}

// Has reports whether a commit is among them. ErrShallow if it is not, and the clone's history is too short to tell.
func (f Reached) Has(commit string) (bool, error) {
	switch {
	case f.commits[plumbing.NewHash(commit)]:
		return true, nil
	case f.cut:
		return false, fmt.Errorf("%w: it ends before %.12s is found: run git fetch --unshallow, or check out with fetch-depth: 0", ErrShallow, commit)
	}
	return false, nil
}

// Shallow tells whether the clone's history is cut off.
func (r *Repo) Shallow() (bool, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	ends, err := r.store.Shallow()
	return len(ends) > 0, err
}

// Branch is the branch that is checked out; "" for a commit without one.
func (r *Repo) Branch() (string, error) {
	head, err := r.git.Reference(plumbing.HEAD, false)
	if err != nil {
		return "", fmt.Errorf("%s: HEAD: %w", r.root, err)
	}
	if head.Type() != plumbing.SymbolicReference {
		return "", nil
	}
	return shortName(head.Target(), "refs/heads/"), nil
}
