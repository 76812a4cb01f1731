package task

import (
	"context"
	"io/fs"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Builder makes images of containers.
type Builder interface {
	// Build makes the image for every platform of the request. What a build says on
	// the way is the builder's to show.
	Build(context.Context, BuildRequest) (Image, error)
}

// BuildRequest says what to build.
type BuildRequest struct {
	Container image.Container
	Commit    string            // whose files are built; "" is the working tree
	Platforms []image.Platform  // at least one
	Version   string            // that a Go program is told; "" for none
	Target    string            // stage of a Dockerfile; "" is the last
	Args      map[string]string // build arguments of a Dockerfile, none empty
	Bases     map[string]string // references of images to build on in place of those that are written
}

// Image is a built image. It may live in an engine, and then as long as that does.
type Image interface {
	// Archive writes all platforms as one OCI layout in a tar file.
	Archive(ctx context.Context, file string) error
	// Archives writes an OCI layout in a tar file for each platform into a folder.
	Archives(ctx context.Context, dir string) ([]Variant, error)
	// Rootfs writes the root file system of an image for one platform into a folder.
	Rootfs(ctx context.Context, dir string) error
}

// Variant is the image for one platform, as a file.
type Variant struct {
	Platform   image.Platform
	File       string // an OCI layout in a tar
	BaseLayers int    // how many of its lowest layers come from a base, where layers are to be re-packed
	Program    string // path of its compiled program, which is in the uppermost layer; "" if it has none
	SHA256     string // of that program as it was compiled, in hexadecimal digits
}

// Registry is where images are published.
type Registry interface {
	// Look reads what stands under a reference; ok is false if the registry says that
	// there is nothing.
	Look(context.Context, image.Reference) (found Found, ok bool, err error)
	// Assemble puts the variants together as one image. The caller closes it, and
	// leaves the variants' files alone until then.
	Assemble(context.Context, []Variant, Metadata) (Artifact, error)
}

// Found is what stands under a reference.
type Found struct {
	Digest    string
	Platforms []image.Platform
	Labels    map[string]string // of the first platform's image
}

// Metadata is what is stated about an image.
type Metadata struct {
	Created     time.Time
	Labels      map[string]string // of the configuration
	Annotations map[string]string // of the index and of each manifest
	Repack      bool              // write our own layers anew, so that they repeat bit for bit
}

// Artifact is an image that is ready to be pushed.
type Artifact interface {
	Digest() string
	// Push writes the image to a registry.
	Push(context.Context, image.Reference) error
	// Verify reads the registry back and compares.
	Verify(context.Context, image.Reference) error
	Close() error
}

// Repo is the git repository that images are built from.
type Repo interface {
	Head() (Commit, error)
	// Changed lists the paths that differ from HEAD, untracked ones too.
	Changed(context.Context) ([]string, error)
	// OnDefaultBranch reports whether the default branch holds the commit, and names
	// that branch.
	OnDefaultBranch(ctx context.Context, hash string) (ok bool, branch string, err error)
	// SourceURL is where the source can be found; "" if that is not known. It holds no
	// credentials.
	SourceURL() string
}

// Trees are the files that images are made of.
type Trees interface {
	// Committed are those that a commit records.
	Committed(commit string) (fs.FS, error)
	// Check refuses a container of a commit if something that its image is made of is recorded there, and not in this clone.
	Check(ctx context.Context, commit string, c image.Container) error
	// Ignored lists some files of the working tree that git ignores, and that a build of the container would take.
	Ignored(ctx context.Context, c image.Container) ([]string, error)
}

// Commit is a commit of the repository.
type Commit struct {
	Hash string
	Time time.Time
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
