package drift

import (
	"context"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Ports are the systems that drift compares. A nil one is not used by the site, and its checks are left out.
type Ports struct {
	Images       Images
	Applications Applications
	History      History // of the repository on the forge
	Packages     Packages
}

// Images are the images of all registries.
type Images interface {
	// Holds returns the digest of a reference. With a digest it ignores the tag and checks that the digest is in the repository. ok is
	// false only if the registry says that the image does not exist.
	Holds(ctx context.Context, ref image.Reference, digest string) (found string, ok bool, err error)
}

// Applications are the Applications of Argo CD.
type Applications interface {
	fmt.Stringer // Argo CD's host
	// List returns all Applications that the token may read.
	List(context.Context) ([]Live, error)
	// MaySee is nil if the token may read an Application, which need not exist; otherwise it says that it may not, or why this is not
	// known.
	MaySee(ctx context.Context, project, name string) error
}

// Live is an Application's state in Argo CD, in Argo CD's terms.
type Live struct {
	Name     string
	Repos    []string // addresses of its sources
	Owner    string   // the ApplicationSet that made it; "" for none
	Sync     string   // Synced, OutOfSync, Unknown
	Health   string   // Healthy, Degraded, …
	Trouble  string   // why it cannot be compared, for instance an unreadable repository; "" if it can
	Differs  []string // objects that differ from the repository, as in "Deployment docs/docs"
	Revision string   // the commit deployed last; "" if nothing was deployed, or if it is not a commit
	Auto     bool     // Argo CD syncs it automatically
}

// History is the history of the repository on the forge. Commits are full hashes.
type History interface {
	fmt.Stringer // its address
	// Refs reads the branches and tags, and fetches the missing commits of the branches into this clone.
	Refs(context.Context) (Refs, error)
	// Reached returns a function that says whether a commit is one of the tips or an ancestor of one. The commits of Refs are available.
	// The function returns an error if the history is too short to decide.
	Reached(ctx context.Context, tips []string) (has func(commit string) (bool, error), err error)
}

// Refs are the commits of branches and tags, by name.
type Refs struct {
	Default string // name of the default branch
	Heads   map[string]string
	Tags    map[string]string
}

// Packages are the forge's packages with the docs.
type Packages interface {
	fmt.Stringer // the forge's host
	// Pinned is the release that the manifest in the tree names; ok is false if it does not name one of this forge.
	Pinned(*validate.Tree) (pin Pin, ok bool, err error)
	// Sum downloads the file of a pin and returns its SHA-256 in hexadecimal; ok is false if the forge does not have the file.
	Sum(context.Context, Pin) (sum string, ok bool, err error)
}

// Pin is a release that a manifest names.
type Pin struct {
	Path         string // of the manifest
	Line, Column int    // of the address
	Version      string
	File         string
	Sum          string // the stated checksum; "" if there is none
}
