package gitops

import (
	"context"
	"io/fs"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Origin is the repository on the forge, and the clone of it in which this runs. Commits are whole hashes. Commit and Tag write objects of git without
// a reference, and set the author.
type Origin interface {
	// CheckPush checks that a branch and a tag could be pushed in one step, and pushes nothing.
	CheckPush(context.Context) error
	// Look reads the present state, and fetches its commits.
	Look(context.Context) (vcs.Heads, error)
	// Push moves the branch and makes the tag in one step, both or neither. *RaceError: one of them differs from the expected
	// state. A repeated push succeeds. After any other error it may have happened nevertheless, and Look tells.
	Push(context.Context, vcs.Push) error

	// Files are the files of a commit.
	Files(commit string) (fs.FS, error)
	// Tree is the hash of a commit's content at a path: equal hashes are equal content; "" if there is nothing.
	Tree(commit, path string) (string, error)
	// Contains reports whether a commit is the ancestor or comes after it. A commit that this clone does not have is
	// fetched first.
	Contains(ctx context.Context, commit, ancestor string) (bool, error)
	// Parent is the parent of a commit.
	Parent(commit string) (string, error)

	// Commit makes a commit with the parent base and its files with the changes.
	Commit(ctx context.Context, base string, changes []vcs.Change, message string, when time.Time) (commit string, err error)
	// Tag makes a tag of a commit.
	Tag(ctx context.Context, name, commit, message string, when time.Time) (object string, err error)

	// Unpushed lists changed files below these paths that the checkout has and a commit does not.
	Unpushed(ctx context.Context, commit string, under ...string) ([]string, error)
	// FastForward moves the checkout to a commit of the branch that comes from its present one, if it is unmodified where they differ. base is
	// the parent of the new commit; "" if none was made. why says in a few words why the checkout was not changed; "" if it is at commit,
	// or if none was made and it is at another one.
	FastForward(ctx context.Context, branch, base, commit string) (why string, err error)
}
