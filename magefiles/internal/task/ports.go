package task

import (
	"context"
	"io/fs"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Builder builds images of containers.
type Builder interface {
	// Build makes the image for every platform of the request. The builder shows the output of
	// the build.
	Build(context.Context, image.BuildRequest) (Image, error)
}

// Image is a built image. It may exist only in an engine, until that ends.
type Image interface {
	// Archive writes all platforms as one OCI layout in a tar file.
	Archive(ctx context.Context, file string) error
	// Archives writes an OCI layout in a tar file for each platform into a folder.
	Archives(ctx context.Context, dir string) ([]image.Variant, error)
	// Rootfs writes the root file system of an image for one platform into a folder.
	Rootfs(ctx context.Context, dir string) error
}

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

// Platforms are the platforms of containers of a kind that do not state their own.
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
