package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Container is the container of that name in the commit that is checked out.
func (p Publish) Container(name image.Name) (image.Container, error) {
	_, container, err := p.lookup(name, false)
	return container, err
}

// CheckCommit makes the checks of the commit before a version of a container is published from it.
func (p Publish) CheckCommit(ctx context.Context, args tasks.PublishArgs) error {
	pub, err := p.prepare(args)
	if err != nil {
		return err
	}
	return pub.checkCommit(ctx)
}

// CheckRegistry makes the checks of the registry before a version of a container is published from a commit. ok is true if the registry has the
// image of this commit already.
func (p Publish) CheckRegistry(ctx context.Context, args tasks.PublishArgs, commit image.Commit) (found image.Found, ok bool, err error) {
	pub, err := p.prepare(args)
	if err != nil {
		return found, false, err
	}
	pub.commit = commit
	if err := pub.login(ctx); err != nil {
		return found, false, err
	}
	if err = pub.look(ctx); errors.Is(err, step.ErrDone) {
		return pub.found, true, nil
	}
	return found, false, err
}

// IsOf reports whether an image is of a commit: its own, or that of an earlier commit with the same images.
func (p Publish) IsOf(ctx context.Context, found image.Found, commit string) (bool, error) {
	revision := found.Labels[image.LabelRevision]
	if revision == commit {
		return true, nil
	}
	before, err := p.before(ctx, commit)
	return slices.Contains(before, revision), err
}

// unforced is an error of a publication without a hint about -force.
type unforced struct {
	error
	hint string
}

func (e *unforced) Unwrap() error { return e.error }

// Hint says what to do.
func (e *unforced) Hint() string { return e.hint }

// WithoutForce replaces hints of a publication's errors by those of a release.
func WithoutForce(err error) error {
	var dirty *dirtyError
	var branch *BranchError
	var taken *TakenError
	switch {
	case errors.As(err, &dirty):
		return &unforced{err, "commit or stash the changes: a tag names a commit"}
	case errors.As(err, &branch):
		return &unforced{err, fmt.Sprintf("merge and push it to %s first", branch.Branch)}
	case errors.As(err, &taken):
		return &unforced{err, "release the next version"}
	}
	return err
}
