package objects

import (
	"context"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// uncommitted are the changes from the commit HEAD to the work tree. A repository without a work tree has none.
func (r *GitRepository) uncommitted(ctx context.Context, _ gql.Args) (any, error) {
	if r.files != nil && !r.bare {
		return r.changedFiles(ctx)
	}
	d := r.files
	if d == nil {
		head, err := r.find("HEAD")
		if err != nil {
			return nil, err
		}
		tree, err := head.(*GitRef).tree(ctx, gql.Args{})
		if err != nil {
			return nil, err
		}
		d = tree.(*Directory)
	}
	return &Changeset{before: d, after: d}, nil
}

// changedFiles compares the work tree with a copy that git has cleaned, on the host. Git does not see the configuration of the work tree, which may
// name commands.
func (r *GitRepository) changedFiles(ctx context.Context) (any, error) {
	files, err := r.files.changedBy(ctx, []string{".git"}, r.files.only(nil))
	if err != nil {
		return nil, err
	}
	dir, done, err := (&Changeset{before: files, after: files}).laidOut(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	dirty, clean := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := gitremote.Clean(ctx, r.remote.URL, clean, dir); err != nil {
		return nil, inSpan(err)
	}
	before, err := r.files.as(ctx, dirty, clean)
	if err != nil {
		return nil, err
	}
	c := &Changeset{before: before, after: r.files}
	c.paths, err = compare(clean, dirty)
	return c, err
}
