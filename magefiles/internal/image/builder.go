package image

import (
	"context"
)

// Builder builds images of containers.
type Builder interface {
	// Build makes the image for every platform of the request. The builder shows the output of
	// the build.
	Build(context.Context, BuildRequest) (Built, error)
}

// Built is a built image. It may exist only in an engine, until that ends.
type Built interface {
	// Archive writes all platforms as one OCI layout in a tar file.
	Archive(ctx context.Context, file string) error
	// Archives writes an OCI layout in a tar file for each platform into a folder.
	Archives(ctx context.Context, dir string) ([]Variant, error)
	// Rootfs writes the root file system of an image for one platform into a folder.
	Rootfs(ctx context.Context, dir string) error
}
