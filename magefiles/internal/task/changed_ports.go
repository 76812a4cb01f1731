package task

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// TagRegistry is where published images are listed.
type TagRegistry interface {
	// Tags lists the tags of a reference's repository, whose own tag does not count. A
	// repository that is not there has none.
	Tags(context.Context, image.Reference) ([]string, error)
	// Look reads what stands under a reference; ok is false if the registry says that
	// there is nothing.
	Look(context.Context, image.Reference) (found image.Found, ok bool, err error)
}

// Ancestors are what a commit comes from.
type Ancestors interface {
	// Find tells which commit a hash means, which may be abbreviated, and its place: 0 is
	// the commit itself, and no commit comes before one that is made from it. ok is false
	// for a commit that is no ancestor.
	Find(hash string) (commit string, place int, ok bool)
	// Whole is an error if the clone's history is cut off, with what to do.
	Whole() error
}

// Differ compares what commits hold.
type Differ interface {
	// Differs says whether two commits have something else at a path, or one of them
	// nothing.
	Differs(ctx context.Context, old, now, path string) (bool, error)
	// Files are those, by path from the root, that the commits have otherwise at a path.
	Files(ctx context.Context, old, now, path string) ([]string, error)
}
