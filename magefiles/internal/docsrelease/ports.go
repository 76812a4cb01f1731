package docsrelease

import (
	"context"
	"fmt"
	"io"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// TagRules are the forge's rules about tags, beyond the right to push.
type TagRules interface {
	// CheckTag checks that a tag may be made, and makes none. If that is unknown, it passes.
	CheckTag(ctx context.Context, name string) error
}

// Packages is a package of the forge, with files in versions. The forge never overwrites a file.
type Packages interface {
	// Check checks that files could be uploaded, and uploads nothing.
	Check(context.Context) error
	// Upload stores a file. ErrFileExists if a file of that name exists, with any content.
	Upload(ctx context.Context, version, file string, content io.ReaderAt, size int64) error
	// Sum downloads a file and returns its hash and size. ErrNoFile if there is none.
	Sum(ctx context.Context, version, file string) (vcs.Sum, error)
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

// Announcer announces versions to people: releases of the forge.
type Announcer interface {
	// Check checks that a version could be announced, and announces nothing.
	Check(context.Context) error
	// Find returns the announcement of a tag; ok is false if there is none.
	Find(ctx context.Context, tag string) (found vcs.Release, ok bool, err error)
	// Put makes or changes the announcement of a.Tag, which must name the commit.
	Put(ctx context.Context, commit string, a vcs.Release) (url string, err error)
}

// Website is the public website.
type Website interface {
	fmt.Stringer // its address
	// Version asks for the served version, past caches if possible; "" if it does not say.
	Version(context.Context) (string, error)
}

// Builder builds the website.
type Builder interface {
	// Check checks that the website of a commit could be built, and builds nothing.
	Check(ctx context.Context, commit string) error
	// Source identifies the builder: the same source gives the same result for the same pages.
	Source(context.Context) (string, error)
	// Build writes the archive of a commit's website to the new file. Date is the version's, as in 2026-03-08.
	Build(ctx context.Context, commit, version, date, file string) error
}
