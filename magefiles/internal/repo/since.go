package repo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Since lists the paths that changed since a revision, sorted, as Changed does: those that the commits from there to HEAD wrote or deleted,
// and changes of the work tree that are not committed. A revision is one that git accepts (main, v1.0.0, HEAD~3, a hash); if HEAD does not
// come from it, the commits since their merge base count, as in git diff REV...HEAD.
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

// sides are the two commits by which a revision and HEAD are compared. The caller holds the lock of objects.
func (r *Repo) sides(ctx context.Context, revision string) (from, now *object.Commit, err error) {
	head, err := r.git.Head()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: HEAD: %w", r.root, ErrNoCommit)
	}
	hash, err := r.git.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return nil, nil, fmt.Errorf("revision %q: %w in this clone: expected a branch, a tag or a commit; git fetch gets new ones from the remote", revision, ErrUnknownCommit)
	}
	from, now, err = r.mergeBase(ctx, *hash, head.Hash())
	if err != nil {
		return nil, nil, fmt.Errorf("revision %q: %w", revision, err)
	}
	return from, now, nil
}

// mergeBase returns the merge base of the two commits, and head. Without a merge base, it returns the other one itself.
func (r *Repo) mergeBase(ctx context.Context, other, head plumbing.Hash) (from, now *object.Commit, err error) {
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
		return from, now, nil // a shallow clone, or histories without a common commit
	}
	return bases[0], now, nil
}

// Base is the commit from which Since counts: the revision's own, or its merge base with HEAD.
func (r *Repo) Base(ctx context.Context, revision string) (string, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	from, _, err := r.sides(ctx, revision)
	if err != nil {
		return "", err
	}
	return from.Hash.String(), nil
}
