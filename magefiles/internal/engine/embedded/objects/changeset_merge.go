package objects

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// failEarly refuses changesets with a path in common, before git merges them.
const failEarly = "FAIL_EARLY"

// The kinds of conflicts, in the words of Dagger.
var (
	errAddedTwice      = errors.New("path added in both changesets")
	errModifiedTwice   = errors.New("path modified in both changesets")
	errModifiedRemoved = errors.New("path modified in one changeset and removed in the other")
)

// conflictsOf are the paths that both change.
func conflictsOf(ours, theirs *changedPaths) (removed gitremote.Removed, all error) {
	found := func(path string, kind error) {
		all = errors.Join(all, fmt.Errorf("conflict between changesets at path %q: %w", path, kind))
	}
	for _, p := range ours.added {
		if slices.Contains(theirs.added, p) {
			found(p, errAddedTwice)
		}
	}
	for _, p := range ours.modified {
		if slices.Contains(theirs.modified, p) {
			found(p, errModifiedTwice)
		} else if slices.Contains(theirs.removed, p) {
			found(p, errModifiedRemoved)
			removed.ByTheirs = append(removed.ByTheirs, p)
		}
	}
	for _, p := range ours.removed {
		if slices.Contains(theirs.modified, p) {
			found(p, errModifiedRemoved)
			removed.ByOurs = append(removed.ByOurs, p)
		}
	}
	return removed, all
}

func (c *Changeset) withChangeset(ctx context.Context, a gql.Args) (any, error) {
	other, _, err := gql.Object[*Changeset](a, "changes")
	if err != nil {
		return nil, err
	}
	return c.merge(ctx, []*Changeset{other}, first(a.String("onConflict"), string(gitremote.Fail)))
}

func (c *Changeset) withChangesets(ctx context.Context, a gql.Args) (any, error) {
	others, err := gql.Objects[*Changeset](a, "changes")
	if err != nil || len(others) == 0 {
		return c, err
	}
	return c.merge(ctx, others, first(a.String("onConflict"), string(gitremote.Fail)))
}

// merge is a changeset with the changes of all. Git merges them, as patches of the directories before the changes, which are laid over each other.
func (c *Changeset) merge(ctx context.Context, others []*Changeset, on string) (any, error) {
	all := append([]*Changeset{c}, others...)
	removed, conflicts, err := conflictsOfAll(ctx, all)
	if err != nil {
		return nil, err
	}
	if on == failEarly {
		if conflicts != nil {
			return nil, inSpan(conflicts)
		}
		on = string(gitremote.Fail)
	}
	before, err := beforeAll(ctx, all)
	if err != nil {
		return nil, err
	}
	var patches []string
	for _, one := range all {
		patch, err := one.patch(ctx)
		if err != nil {
			return nil, inSpan(err)
		}
		patches = append(patches, patch)
	}
	dir, done, err := (&Changeset{before: before, after: before}).laidOut(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := gitremote.Merge(ctx, dir, patches, gitremote.OnConflict(on), removed); err != nil {
		return nil, inSpan(err)
	}
	after, err := before.as(ctx, filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	return &Changeset{before: before, after: after}, err
}

// conflictsOfAll compares each changeset with each other. With two, removed are the paths that only one of them removes.
func conflictsOfAll(ctx context.Context, all []*Changeset) (removed gitremote.Removed, conflicts, err error) {
	paths := make([]*changedPaths, len(all))
	for i, c := range all {
		if paths[i], err = c.compare(ctx); err != nil {
			return removed, nil, err
		}
	}
	if len(all) == 2 {
		removed, conflicts = conflictsOf(paths[0], paths[1])
		return removed, conflicts, nil
	}
	for i := range paths {
		for j := i + 1; j < len(paths); j++ {
			_, found := conflictsOf(paths[i], paths[j])
			switch {
			case found == nil:
			case i == 0:
				return removed, fmt.Errorf("conflict with changeset %d: %w", j-1, found), nil
			default:
				return removed, fmt.Errorf("conflict between changesets %d and %d: %w", i-1, j-1, found), nil
			}
		}
	}
	return removed, nil, nil
}

// beforeAll are the directories before the changes, laid over each other. Directories that are the same are there once.
func beforeAll(ctx context.Context, all []*Changeset) (*Directory, error) {
	before := all[0].before
	for i, c := range all[1:] {
		if slices.ContainsFunc(all[:i+1], func(other *Changeset) bool { return other.before == c.before }) {
			continue
		}
		var err error
		if before, err = before.copyDirectory(ctx, c.before, "/", gql.Args{}, granted{}); err != nil {
			return nil, err
		}
	}
	return before.changedBy(ctx, []string{".git"}, before.only(nil))
}
