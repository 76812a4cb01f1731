package changed

import "context"

// Ancestors are the ancestors of a commit, and the commit itself.
type Ancestors interface {
	// Find returns the commit with a hash, which may be abbreviated, and its place: 0 is the
	// commit itself, and no commit comes before its children. ok is false for a commit that is
	// not an ancestor.
	Find(hash string) (commit string, place int, ok bool)
	// Whole is an error with a hint if the clone's history is cut off.
	Whole() error
}

// Differ compares the files of commits.
type Differ interface {
	// Differs reports whether two commits differ at a path, or one of them has nothing there.
	Differs(ctx context.Context, old, now, path string) (bool, error)
	// Files are the files at a path, by their paths from the root, that differ between the commits.
	Files(ctx context.Context, old, now, path string) ([]string, error)
}
