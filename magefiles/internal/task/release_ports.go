package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Origin is the repository on the forge, and the clone of it in which this runs. Commits are whole hashes.
type Origin interface {
	Remote
	History
	Committer
	Checkout
}

// Remote is the repository on the forge.
type Remote interface {
	// CheckPush checks that a branch and a tag could be pushed in one step, and pushes nothing.
	CheckPush(context.Context) error
	// Look reads the present state, and fetches its commits.
	Look(context.Context) (vcs.Heads, error)
	// Push moves the branch and makes the tag in one step, both or neither. *RaceError: one of them differs from the expected
	// state. A repeated push succeeds. After any other error it may have happened nevertheless, and Look tells.
	Push(context.Context, vcs.Push) error
}

// TagRules are the forge's rules about tags, beyond the right to push.
type TagRules interface {
	// CheckTag checks that a tag may be made, and makes none. If that is unknown, it passes.
	CheckTag(ctx context.Context, name string) error
}

// Hint says what to do.

// History reads commits.
type History interface {
	// Files are the files of a commit.
	Files(commit string) (fs.FS, error)
	// Tree is the hash of a commit's content at a path: equal hashes are equal content; "" if there is nothing.
	Tree(commit, path string) (string, error)
	// Contains reports whether a commit is the ancestor or comes after it. A commit that this clone does not have is
	// fetched first.
	Contains(ctx context.Context, commit, ancestor string) (bool, error)
	// Parent is the parent of a commit.
	Parent(commit string) (string, error)
}

// Committer writes objects of git, without a reference. It sets the author itself.
type Committer interface {
	// Commit makes a commit with the parent base and its files with the changes.
	Commit(ctx context.Context, base string, changes []vcs.Change, message string, when time.Time) (commit string, err error)
	// Tag makes a tag of a commit.
	Tag(ctx context.Context, name, commit, message string, when time.Time) (object string, err error)
}

// Checkout is the user's checkout.
type Checkout interface {
	// Unpushed lists changed files below these paths that the checkout has and a commit does not.
	Unpushed(ctx context.Context, commit string, under ...string) ([]string, error)
	// Adopt moves the checkout to a commit of the branch that comes from its present one, if it is unmodified where they differ. base is
	// the parent of the new commit; "" if none was made. why says in a few words why the checkout was not changed; "" if it is at commit,
	// or if none was made and it is at another one.
	Adopt(ctx context.Context, branch, base, commit string) (why string, err error)
}

// Packages is a package of the forge, with files in versions. The forge never overwrites a file.
type Packages interface {
	// Check checks that files could be uploaded, and uploads nothing.
	Check(context.Context) error
	// Upload stores a file. ErrFileExists if a file of that name exists, with any content.
	Upload(ctx context.Context, version, file string, content io.ReaderAt, size int64) error
	// Sum downloads a file and returns its hash and size. ErrNoFile if there is none.
	Sum(ctx context.Context, version, file string) (Sum, error)
	// Read downloads a file of a few hundred bytes. ErrNoFile if there is none.
	Read(ctx context.Context, version, file string) ([]byte, error)
	// Versions lists the versions in any order.
	Versions(context.Context) ([]string, error)
	// Delete removes a version with all its files. A missing one is no error.
	Delete(ctx context.Context, version string) error
	// URL is the address of a file for deployments, which may use another address of the forge. Locate is the inverse; ok is false
	// for an address outside this package.
	URL(version, file string) string
	Locate(url string) (version, file string, ok bool)
}

var (
	// ErrFileExists: the package has a file of that name.
	ErrFileExists = errors.New("the file already exists")
	// ErrNoFile: the package has no such file.
	ErrNoFile = errors.New("file not found")
)

// Sum is the hash and the size of a file.
type Sum struct {
	SHA256 string // in hexadecimal, lower case
	Size   int64  // in bytes
}

func (s Sum) String() string { return fmt.Sprintf("%d bytes, sha256 %s", s.Size, s.SHA256) }

// Announcer announces versions to people: releases of the forge.
type Announcer interface {
	// Check checks that a version could be announced, and announces nothing.
	Check(context.Context) error
	// Find returns the announcement of a tag; ok is false if there is none.
	Find(ctx context.Context, tag string) (found Announcement, ok bool, err error)
	// Put makes or changes the announcement of a.Tag, which must name the commit.
	Put(ctx context.Context, commit string, a Announcement) (url string, err error)
}

// Announcement is the announcement of a version.
type Announcement struct {
	Tag        string
	Title      string
	Notes      string // Markdown
	Draft      bool   // not public
	Prerelease bool
	URL        string // for people; "" in the argument of Put
}

// Contains reports whether a revision, a whole hash, is the wanted commit or comes after it.
type Contains func(ctx context.Context, revision string) (bool, error)

// Deployer deploys the branch's manifests.
type Deployer interface {
	// Check checks that a deployment could be started, and starts none.
	Check(context.Context) error
	// State reports whether a revision with the commit is deployed and healthy, or why not.
	State(ctx context.Context, commit string, contains Contains) (deployed bool, why string, err error)
	// Deploy deploys the branch, and returns when a revision with the commit is deployed and healthy.
	Deploy(ctx context.Context, commit string, contains Contains) error
}

// Website is the public website.
type Website interface {
	fmt.Stringer // its address
	// Version asks for the served version, past caches if possible; "" if it does not say.
	Version(context.Context) (string, error)
}

// SiteBuilder builds the website.
type SiteBuilder interface {
	// Check checks that the website of a commit could be built, and builds nothing.
	Check(ctx context.Context, commit string) error
	// Source identifies the builder: the same source gives the same result for the same pages.
	Source(context.Context) (string, error)
	// Build writes the archive of a commit's website to the new file. Date is the version's, as in 2026-03-08.
	Build(ctx context.Context, commit, version, date, file string) error
}
