package publish

import (
	"context"
	"io/fs"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Registry is the registry to publish to.
type Registry interface {
	// Look reads the image under a reference; ok is false if the registry says that there is
	// nothing.
	Look(context.Context, image.Reference) (found image.Found, ok bool, err error)
	// Assemble makes one image from the variants. The caller closes it, and does not change the
	// variants' files until then.
	Assemble(context.Context, []image.Variant, image.Metadata) (image.Artifact, error)
}

// Repo is the git repository that images are built from.
type Repo interface {
	Head() (image.Commit, error)
	// Changed lists the paths that differ from HEAD, untracked ones too.
	Changed(ctx context.Context, under ...string) ([]string, error)
	// OnDefaultBranch reports whether the default branch holds the commit, and names
	// that branch.
	OnDefaultBranch(ctx context.Context, hash string) (ok bool, branch string, err error)
	// SourceURL is the web address of the source; "" if unknown. It holds no credentials.
	SourceURL() string
}

// Trees are the files that images are made from.
type Trees interface {
	// Recorded are the files that a commit records.
	Recorded(commit string) (fs.FS, error)
	// CheckContainer refuses a container of a commit if the commit records content for its image that this clone does not have.
	CheckContainer(ctx context.Context, commit string, c image.Container) error
	// IgnoredOf lists some files of the working tree that git ignores, and that a build of the container would use.
	IgnoredOf(ctx context.Context, files fs.FS, c image.Container) ([]string, error)
}
