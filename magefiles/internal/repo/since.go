package repo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Since lists the paths that changed since a revision, sorted, as Changed does: what the commits from there to HEAD wrote or deleted, and
// what of the work tree is not committed. A revision is what git takes for one (main, v1.0.0, HEAD~3, a hash); where HEAD has left its line,
// the commits count since they parted, as in git diff REV...HEAD.
func (r *Repo) Since(ctx context.Context, revision string) ([]string, error) {
	committed, err := r.committedSince(ctx, revision)
	if err != nil {
		return nil, err
	}
	changed, err := r.Changed(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range changed {
		committed[name] = true
	}
	return slices.Sorted(maps.Keys(committed)), nil
}

func (r *Repo) committedSince(ctx context.Context, revision string) (map[string]bool, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	from, now, err := r.sides(ctx, revision)
	if err != nil {
		return nil, err
	}
	list, err := r.differences(from.TreeHash, now.TreeHash, ".")
	changed := map[string]bool{}
	for _, d := range list {
		changed[d.path] = true
	}
	return changed, err
}

// sides are what a revision and HEAD are compared by. The caller holds the lock of objects.
func (r *Repo) sides(ctx context.Context, revision string) (from, now *object.Commit, err error) {
	head, err := r.git.Head()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: HEAD: %w", r.root, ErrNoCommit)
	}
	hash, err := r.git.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return nil, nil, fmt.Errorf("revision %q: %w in this clone: expected a branch, a tag or a commit; git fetch brings what the remote has", revision, ErrUnknownCommit)
	}
	from, now, err = r.parted(ctx, *hash, head.Hash())
	if err != nil {
		return nil, nil, fmt.Errorf("revision %q: %w", revision, err)
	}
	return from, now, nil
}

// parted is the commit from which head went its own way, and head. With none in common, it is the other one itself.
func (r *Repo) parted(ctx context.Context, other, head plumbing.Hash) (from, now *object.Commit, err error) {
	if now, err = r.git.CommitObject(head); err != nil {
		return nil, nil, err
	}
	if from, err = r.git.CommitObject(other); err != nil {
		return nil, nil, err
	}
	if inLine, _, err := r.reaches(ctx, head, other); err != nil || inLine {
		return from, now, err
	}
	bases, err := from.MergeBase(now)
	if err != nil || len(bases) == 0 {
		return from, now, nil // a shallow clone, or histories that have nothing in common
	}
	return bases[0], now, nil
}

// Base is the commit from which Since counts: the revision's own, or where HEAD has left its line, that where they parted.
func (r *Repo) Base(ctx context.Context, revision string) (string, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	from, _, err := r.sides(ctx, revision)
	if err != nil {
		return "", err
	}
	return from.Hash.String(), nil
}
