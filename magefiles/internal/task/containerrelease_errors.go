package task

import (
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// TagTakenError says that a container's tag is on another commit.
type TagTakenError struct {
	Tag    image.Tag
	Commit string // of the tag
	Head   string // the commit to release
}

func (e *TagTakenError) Error() string {
	return fmt.Sprintf("tag %s is already on another commit at the forge: %.12s (this commit: %.12s)", e.Tag, e.Commit, e.Head)
}

// Hint says what to do.
func (e *TagTakenError) Hint() string {
	return "release the next version (patch, minor, major): a published tag never moves"
}

// MovedTagError says that the tag to publish is not, or no longer, on HEAD.
type MovedTagError struct {
	Tag    image.Tag
	Commit string // of the tag on the forge; "" if there is no such tag
	Head   string // the commit of HEAD
}

func (e *MovedTagError) Error() string {
	if e.Commit == "" {
		return fmt.Sprintf("tag %s not found at the forge", e.Tag)
	}
	return fmt.Sprintf("tag %s is on another commit at the forge: %.12s (checked out: %.12s)", e.Tag, e.Commit, e.Head)
}

// Hint says what to do.
func (e *MovedTagError) Hint() string {
	if e.Commit == "" {
		return fmt.Sprintf("make and push it with `container:release %s %s`", e.Tag.Name, e.Tag.Version)
	}
	return fmt.Sprintf("check out the tag; if it was moved, the run of its new commit publishes it; or release the version after %s", e.Tag.Version)
}

// unforced is an error of a publication without a hint about -force.
type unforced struct {
	error
	hint string
}

func (e *unforced) Unwrap() error { return e.error }

// Hint says what to do.
func (e *unforced) Hint() string { return e.hint }

// withoutForce replaces hints of a publication's errors by those of a release.
func withoutForce(err error) error {
	var dirty *DirtyError
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

// say calls a function, if there is one.
func say(to func(string), sentence string) {
	if to != nil {
		to(sentence)
	}
}
