package repo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Ancestry are the commits of a branch, from one walk through its history.
type Ancestry struct {
	// Branch is its bare name.
	Branch string
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
	a := &Ancestry{Branch: branch}
	a.Cut, err = r.ancestors(ctx, ref.Hash(), func(h plumbing.Hash) bool {
		a.hashes = append(a.hashes, h.String())
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", branch, err)
	}
	slices.Sort(a.hashes)
	return a, nil
}

// Holds says whether a commit, whose hash may be abbreviated, is one of them.
func (a *Ancestry) Holds(commit string) bool {
	commit = strings.ToLower(commit)
	i, _ := slices.BinarySearch(a.hashes, commit)
	return i < len(a.hashes) && commit != "" && strings.HasPrefix(a.hashes[i], commit)
}
