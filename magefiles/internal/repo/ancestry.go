package repo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Ancestry are commits with all that they come from, from one walk through the history.
type Ancestry struct {
	// Cut says that the clone is shallow: there are more than it has.
	Cut    bool
	hashes []string // sorted
}

// DefaultHistory are the commits of the remote's default branch, as OnDefaultBranch knows it.
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

// History are the commits that some tips are or come from. A tip that this clone lacks is ErrUnknownCommit.
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

// Holds says whether a commit, whose hash may be abbreviated, is one of them.
func (a *Ancestry) Holds(commit string) bool {
	commit = strings.ToLower(commit)
	i, _ := slices.BinarySearch(a.hashes, commit)
	return i < len(a.hashes) && commit != "" && strings.HasPrefix(a.hashes[i], commit)
}

// Shallow tells whether the clone's history is cut off.
func (r *Repo) Shallow() (bool, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	ends, err := r.store.Shallow()
	return len(ends) > 0, err
}
