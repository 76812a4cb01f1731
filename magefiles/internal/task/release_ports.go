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

// Origin is the repository as the forge has it, and the clone of it that this runs in. Commits are whole hashes.
type Origin interface {
	Remote
	History
	Committer
	Checkout
}

// Remote is the repository on the forge.
type Remote interface {
	// CheckPush asks whether a branch and a tag could be pushed in one step, and pushes nothing.
	CheckPush(context.Context) error
	// Look asks what is there now, and fetches the commits that it names.
	Look(context.Context) (vcs.Heads, error)
	// Push moves the branch and makes the tag in one step, both or neither. *RaceError: one of them is not where it was expected.
	// What is there already is a success. After any other error it may have happened nevertheless, and Look tells.
	Push(context.Context, vcs.Push) error
}

// TagRules are what the forge allows of tags, beyond the right to push.
type TagRules interface {
	// CheckTag asks whether a tag may be made, and makes none. What cannot be told is no obstacle.
	CheckTag(ctx context.Context, name string) error
}

// Hint says what to do.

// History reads commits.
type History interface {
	// Files are those of a commit.
	Files(commit string) (fs.FS, error)
	// Tree is the hash of what a commit has at a path, which is equal where the content is; "" if it has nothing there.
	Tree(commit, path string) (string, error)
	// Contains reports whether a commit is another one or comes after it. A commit that this clone lacks is fetched first.
	Contains(ctx context.Context, commit, ancestor string) (bool, error)
	// Parent is the commit before.
	Parent(commit string) (string, error)
}

// Committer writes objects of git, to which nothing refers yet. The author is its own.
type Committer interface {
	// Commit makes the commit that comes after base and has its files with the changes.
	Commit(ctx context.Context, base string, changes []vcs.Change, message string, when time.Time) (commit string, err error)
	// Tag makes a tag of a commit.
	Tag(ctx context.Context, name, commit, message string, when time.Time) (object string, err error)
}

// Checkout is what the user has before them.
type Checkout interface {
	// Unpushed lists what the checkout has, and a commit has not: changed files below these paths.
	Unpushed(ctx context.Context, commit string, under ...string) ([]string, error)
	// Adopt brings the checkout to a commit of the branch that comes from where it is, if it is unmodified where they differ. base is the
	// commit that the new one was made on; "" if none was made. why says in a few words why it was left as it is; "" if it is at commit, or
	// if none was made and it is on something else.
	Adopt(ctx context.Context, branch, base, commit string) (why string, err error)
}

// Packages is a package of files in versions, which the forge keeps. It never overwrites a file.
type Packages interface {
	// Check asks whether files could be uploaded, and uploads nothing.
	Check(context.Context) error
	// Upload stores a file. ErrFileExists if there is one of that name, whatever it holds.
	Upload(ctx context.Context, version, file string, content io.ReaderAt, size int64) error
	// Sum downloads a file to tell what it holds. ErrNoFile if there is none.
	Sum(ctx context.Context, version, file string) (Sum, error)
	// Read downloads a file of a few hundred bytes. ErrNoFile if there is none.
	Read(ctx context.Context, version, file string) ([]byte, error)
	// Versions lists the versions that there are, in any order.
	Versions(context.Context) ([]string, error)
	// Delete removes a version with all its files. One that is not there is no error.
	Delete(ctx context.Context, version string) error
	// URL is where a file can be had by those who deploy it, who may see the forge at another address. Locate is the other way round;
	// ok is false for what is not of this package.
	URL(version, file string) string
	Locate(url string) (version, file string, ok bool)
}

var (
	// ErrFileExists: the package has a file of that name.
	ErrFileExists = errors.New("the file is there already")
	// ErrNoFile: the package has no such file.
	ErrNoFile = errors.New("there is no such file")
)

// Sum is what a file holds.
type Sum struct {
	SHA256 string // in hexadecimal, lower case
	Size   int64  // in bytes
}

func (s Sum) String() string { return fmt.Sprintf("%d bytes, sha256 %s", s.Size, s.SHA256) }

// Announcer tells people of versions: releases of the forge.
type Announcer interface {
	// Check asks whether something could be announced, and announces nothing.
	Check(context.Context) error
	// Find returns what was announced of a tag; ok is false if nothing was.
	Find(ctx context.Context, tag string) (found Announcement, ok bool, err error)
	// Put makes the announcement of a.Tag, which has to name the commit, this one.
	Put(ctx context.Context, commit string, a Announcement) (url string, err error)
}

// Announcement is one version's.
type Announcement struct {
	Tag        string
	Title      string
	Notes      string // Markdown
	Draft      bool   // not public
	Prerelease bool
	URL        string // for people; "" in what is put
}

// Contains reports whether a revision, a whole hash, is the commit in question or comes after it.
type Contains func(ctx context.Context, revision string) (bool, error)

// Deployer brings what the branch's manifests say to where it runs.
type Deployer interface {
	// Check asks whether it could be told to deploy, and does not.
	Check(context.Context) error
	// State reports whether a revision with the commit is deployed and healthy, and if not why.
	State(ctx context.Context, commit string, contains Contains) (deployed bool, why string, err error)
	// Deploy deploys the branch, and returns when a revision with the commit is deployed and healthy.
	Deploy(ctx context.Context, commit string, contains Contains) error
}

// Website is the site that the public sees.
type Website interface {
	fmt.Stringer // its address
	// Version asks which version it serves, past caches as far as one can ask for that; "" if it does not say.
	Version(context.Context) (string, error)
}

// SiteBuilder makes the site of the documentation.
type SiteBuilder interface {
	// Check asks whether the site of a commit could be built, and builds nothing.
	Check(ctx context.Context, commit string) error
	// Source identifies what builds: the same source makes the same of the same pages.
	Source(context.Context) (string, error)
	// Build writes the archive of a commit's site to the new file. Date is the version's, as in 2026-03-08.
	Build(ctx context.Context, commit, version, date, file string) error
}
