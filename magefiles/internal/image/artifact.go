package image

import (
	"context"
	"errors"
	"time"
)

// BuildRequest says which image to build.
type BuildRequest struct {
	Container Container
	Commit    string            // whose files are built; "" is the working tree
	Platforms []Platform        // at least one
	Version   string            // given to a Go program; "" for none
	Target    string            // stage of a Dockerfile; "" is the last
	Args      map[string]string // build arguments of a Dockerfile, none empty
	Bases     map[string]string // references of base images to use instead of those in the sources
}

// Variant is the image for one platform, as a file on this machine.
type Variant struct {
	Platform Platform
	// File is an OCI layout in an uncompressed tar. It must stay until the artifact that is assembled from it is closed.
	File string
	// BaseLayers is how many of the lowest layers are from a base image; only Metadata.Repack asks for it. 0 for an image on scratch.
	BaseLayers int
	// Program is the path of a compiled program in the image, and SHA256 the hash of the compiled file, in hexadecimal digits. An image whose
	// uppermost layer has another program is refused. "" if there is nothing to compare.
	Program, SHA256 string
}

// Metadata is the information added to an image.
type Metadata struct {
	// Created becomes the creation time of image and history, in whole seconds; zero leaves the engine's time.
	Created time.Time
	// Labels are added to the config, Annotations to the manifests and the index.
	Labels, Annotations map[string]string
	// Repack writes all layers above the base's as a single layer, so that the same files give the same bytes on each engine: entries sorted and with Created
	// as their time, no user names, no access times, a fixed compression. Created must be set.
	Repack bool
	// TempDir is where re-packed layers are until the artifact is closed; "" is the system's.
	TempDir string
}

// ErrMoved is the error of an Artifact whose image was pushed completely, while its tag names another image.
var ErrMoved = errors.New("the tag names another image")

// Artifact is an image that is ready to be pushed, until it is closed.
type Artifact interface {
	Digest() string
	// Push writes the image to a registry.
	Push(context.Context, Reference) error
	// Verify reads the registry back and compares. ErrMoved: the registry has the image, and the tag names another one.
	Verify(context.Context, Reference) error
	Close() error
}

// Found is the image under a reference in a registry.
type Found struct {
	Digest      string            // of the index, or of the manifest if there is no index; computed from the received bytes
	Platforms   []Platform        // in the index's order; attestations left out
	Labels      map[string]string // of the first image's config
	Annotations map[string]string // of the index, or of the manifest
}

// Commit is a commit that images are built from.
type Commit struct {
	Hash string
	Time time.Time // of the committer
}
