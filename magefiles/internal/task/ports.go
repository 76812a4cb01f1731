package task

import (
	"context"
	"io/fs"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Builder makes images of containers.
type Builder interface {
	// Build makes the image for every platform of the request. What a build says on
	// the way is the builder's to show.
	Build(context.Context, image.BuildRequest) (Image, error)
}

// Image is a built image. It may live in an engine, and then as long as that does.
type Image interface {
	// Archive writes all platforms as one OCI layout in a tar file.
	Archive(ctx context.Context, file string) error
	// Archives writes an OCI layout in a tar file for each platform into a folder.
	Archives(ctx context.Context, dir string) ([]image.Variant, error)
	// Rootfs writes the root file system of an image for one platform into a folder.
	Rootfs(ctx context.Context, dir string) error
}

// Registry is where images are published.
type Registry interface {
	// Look reads what stands under a reference; ok is false if the registry says that
	// there is nothing.
	Look(context.Context, image.Reference) (found image.Found, ok bool, err error)
	// Assemble puts the variants together as one image. The caller closes it, and
	// leaves the variants' files alone until then.
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
	// SourceURL is where the source can be found; "" if that is not known. It holds no
	// credentials.
	SourceURL() string
}

// Trees are the files that images are made of.
type Trees interface {
	// Recorded are those that a commit records.
	Recorded(commit string) (fs.FS, error)
	// CheckContainer refuses a container of a commit if something that its image is made of is recorded there, and not in this clone.
	CheckContainer(ctx context.Context, commit string, c image.Container) error
	// IgnoredOf lists some of the files of the working tree that git ignores, and that a build of the container would take.
	IgnoredOf(ctx context.Context, files fs.FS, c image.Container) ([]string, error)
}

// Platforms are those that containers of a kind are published for where they do not
// state their own.
type Platforms map[image.Kind][]image.Platform

// of are the platforms that a container is published for.
func (p Platforms) of(c image.Container) []image.Platform {
	switch {
	case len(c.Platforms) > 0:
		return c.Platforms
	case len(p[c.Kind]) > 0:
		return p[c.Kind]
	default:
		return []image.Platform{image.NativePlatform()}
	}
}
