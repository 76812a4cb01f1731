package registry

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Artifact is an assembled image: ready to be pushed any number of times, until it is closed.
type Artifact struct {
	root    *manifest // the index, or the only image's manifest
	images  []*variantImage
	created time.Time
	closers []io.Closer
	temp    string
	client  *Client // the client that assembled it; nil if none did
}

// variantImage is the image for one platform.
type variantImage struct {
	*manifest
	platform image.Platform
	config   blob
	layers   []blob
	program  program
}

// Digest is the digest of the index, or of the manifest if there is one platform only: sha256:….
func (a *Artifact) Digest() string { return a.root.digest.String() }

// Size is the number of bytes of all different blobs and manifests, compressed.
func (a *Artifact) Size() int64 {
	size := int64(len(a.root.raw))
	for _, img := range a.children() {
		size += int64(len(img.raw))
	}
	for _, b := range a.blobs() {
		size += b.desc.Size
	}
	return size
}

// Push writes the image to a registry, with the client that assembled it.
func (a *Artifact) Push(ctx context.Context, ref image.Reference) error {
	_, err := a.client.Push(ctx, ref, a)
	return err
}

// Verify reads the registry back and compares, with the client that assembled it.
func (a *Artifact) Verify(ctx context.Context, ref image.Reference) error {
	return a.client.Verify(ctx, ref, a)
}

// Close closes the variants' archives and removes re-packed layers.
func (a *Artifact) Close() error {
	var errs []error
	for _, c := range a.closers {
		errs = append(errs, c.Close())
	}
	a.closers = nil
	if a.temp != "" {
		errs = append(errs, os.RemoveAll(a.temp))
		a.temp = ""
	}
	return errors.Join(errs...)
}

// children are the images below the root.
func (a *Artifact) children() []*variantImage {
	if len(a.images) == 1 {
		return nil
	}
	return a.images
}

// blobs are the different layers and configs of all images.
func (a *Artifact) blobs() []blob {
	seen := map[v1.Hash]bool{}
	var list []blob
	for _, img := range a.images {
		for _, b := range append(img.layers[:len(img.layers):len(img.layers)], img.config) {
			if !seen[b.desc.Digest] {
				seen[b.desc.Digest] = true
				list = append(list, b)
			}
		}
	}
	return list
}
