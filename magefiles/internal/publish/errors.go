package publish

import (
	"cmp"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// dirtyError refuses to publish a version from a tree with changes.
type dirtyError struct {
	Version  image.Version
	Changed  []string // paths
	Channels image.Channels
}

func (e *dirtyError) Error() string {
	return fmt.Sprintf("the tree has changes (%s), but version %s must be published from a commit", plain.Paths(e.Changed), e.Version)
}

// Hint says what to do.
func (e *dirtyError) Hint() string {
	return "commit or stash the changes, " + e.Channels.Advice() + "or use -force"
}

// UncommittedError refuses to publish a version of a container that only the working tree has.
type UncommittedError struct {
	Dir      string
	Channels image.Channels
}

func (e *UncommittedError) Error() string {
	return e.Dir + " is in the working tree, but not in the checked out commit, from which versions are published"
}

// Hint says what to do.
func (e *UncommittedError) Hint() string {
	const commit = "commit it (git add -f, if git ignores it)"
	if advice := strings.TrimSuffix(e.Channels.Advice(), ", "); advice != "" {
		return commit + ", or " + advice
	}
	return commit
}

// BranchError refuses to publish a version from a commit that is not on the default branch.
type BranchError struct {
	Version image.Version
	Commit  string
	Branch  string

	Channels image.Channels
}

func (e *BranchError) Error() string {
	return fmt.Sprintf("commit %.12s is not on branch %s, from which version %s must be published", e.Commit, e.Branch, e.Version)
}

// Hint says what to do.
func (e *BranchError) Hint() string {
	return fmt.Sprintf("merge and push it to %s first, %sor use -force", e.Branch, e.Channels.Advice())
}

// TakenError says that a version already exists with another content.
type TakenError struct {
	Reference image.Reference
	Found     image.Found
	Revision  string // the revision to publish
	Platforms []image.Platform
}

func (e *TakenError) Error() string {
	there := e.Found.Labels[image.LabelRevision]
	switch {
	case there == "":
		return fmt.Sprintf("%s already exists without a revision (this commit: %s)", e.Reference, e.Revision)
	case there != e.Revision:
		return fmt.Sprintf("%s already exists with revision %s (this commit: %s)", e.Reference, there, e.Revision)
	default:
		return fmt.Sprintf("%s already exists for %s (requested: %s)",
			e.Reference, cmp.Or(image.JoinPlatforms(e.Found.Platforms), "-"), image.JoinPlatforms(e.Platforms))
	}
}

// Hint says what to do.
func (e *TakenError) Hint() string {
	return "publish the next version; -force would replace this one, which others may use"
}
