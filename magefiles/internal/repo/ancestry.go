package repo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Ancestry holds commits with all their ancestors, from one walk through the history.
type Ancestry struct {
	// Cut says that the clone is shallow: it does not have all ancestors.
	Cut    bool
	hashes []string // sorted
}

// DefaultHistory is the history of the remote's default branch, as in OnDefaultBranch.
func (r *Repo) DefaultHistory(ctx context.Context) (*Ancestry, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	ref, branch, err := r.defaultBranch()
	if err != nil {
		return nil, err
	}
	a, err := r.ancestry(ctx, ref.Hash())
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", branch, err)
	}
	return a, nil
}

// History holds the given tips and their ancestors. A tip that is not in this clone is ErrUnknownCommit.
func (r *Repo) History(ctx context.Context, tips ...string) (*Ancestry, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	hashes := make([]plumbing.Hash, len(tips))
	for i, tip := range tips {
		c, err := r.commit(tip)
		if err != nil {
			return nil, err
		}
		hashes[i] = c.Hash
	}
	return r.ancestry(ctx, hashes...)
}

func (r *Repo) ancestry(ctx context.Context, tips ...plumbing.Hash) (_ *Ancestry, err error) {
	a := &Ancestry{}
	a.Cut, err = r.ancestors(ctx, tips, func(h plumbing.Hash) bool {
		a.hashes = append(a.hashes, h.String())
		return true
	})
	slices.Sort(a.hashes)
	return a, err
}

// Holds reports whether a commit, whose hash may be abbreviated, is one of them.
func (a *Ancestry) Holds(commit string) bool {
	commit = strings.ToLower(commit)
	i, _ := slices.BinarySearch(a.hashes, commit)
	return i < len(a.hashes) && commit != "" && strings.HasPrefix(a.hashes[i], commit)
}

// Shallow reports whether the clone's history is cut off.
func (r *Repo) Shallow() (bool, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	ends, err := r.store.Shallow()
	return len(ends) > 0, err
}
