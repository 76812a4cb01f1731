package estate

import (
	"context"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// DriftPorts are what drift asks. What is nil the site does not use, and what depends on it is not looked for.
type DriftPorts struct {
	Images       Images
	Applications Applications
	History      History // of the repository as the forge has it
	Packages     Packages
}

// Images are registries, whichever an image names.
type Images interface {
	// Holds asks which digest stands under a reference, or with a digest, whether that is in the repository, and then the tag does not
	// count. ok is false only if the registry says that it has none.
	Holds(ctx context.Context, ref image.Reference, digest string) (found string, ok bool, err error)
}

// Applications are those of Argo CD.
type Applications interface {
	fmt.Stringer // Argo CD's host
	// List gives all that the token may see.
	List(context.Context) ([]Live, error)
	// MaySee is nil if the token may see one, be there one or not; else it says that, or why it cannot be told.
	MaySee(ctx context.Context, project, name string) error
}

// Live is an Application as Argo CD has it. Words are Argo CD's.
type Live struct {
	Name     string
	Repos    []string // addresses that it deploys from
	Owner    string   // the ApplicationSet that made it; "" for none
	Sync     string   // Synced, OutOfSync, Unknown
	Health   string   // Healthy, Degraded, …
	Trouble  string   // why it cannot be compared, as when its repository cannot be read; "" if it can
	Differs  []string // what is not as the repository has it, as in «Deployment docs/docs»
	Revision string   // a commit that was deployed last; "" if none was, or if it is no commit
	Auto     bool     // Argo CD syncs it by itself
}

// History is the repository as the forge has it. Commits are whole hashes.
type History interface {
	fmt.Stringer // its address
	// Refs asks for the branches and tags, and brings what this clone lacks of the branches.
	Refs(context.Context) (Refs, error)
	// Reached returns whether a commit is one of the tips, or comes before one; what Refs named is known. The error of has is a history
	// that is too short to tell.
	Reached(ctx context.Context, tips []string) (has func(commit string) (bool, error), err error)
}

// Refs are commits by the names of what is on them.
type Refs struct {
	Default string // name of the default branch
	Heads   map[string]string
	Tags    map[string]string
}

// Packages are the forge's, of the docs.
type Packages interface {
	fmt.Stringer // the forge's host
	// Pinned is the release that the manifest in the tree names; ok is false if it names none of this forge.
	Pinned(*validate.Tree) (pin Pin, ok bool, err error)
	// Sum downloads what a pin names and returns its SHA-256 in hexadecimal; ok is false if the forge has no such file.
	Sum(context.Context, Pin) (sum string, ok bool, err error)
}

// Pin is a release that a manifest names.
type Pin struct {
	Path         string // of the manifest
	Line, Column int    // of the address
	Version      string
	File         string
	Sum          string // that is stated; "" if none is
}

// Drift are the checks of the target drift.
func Drift(p DriftPorts) []validate.Check {
	var list []validate.Check
	add := func(used bool, c validate.Check) {
		if used {
			list = append(list, c)
		}
	}
	add(p.Images != nil, images(p.Images))
	add(p.Applications != nil, applications(p.Applications, p.History))
	add(p.History != nil, tags(p.History))
	add(p.History != nil, branches(p.History))
	add(p.Packages != nil, packages(p.Packages))
	return list
}
