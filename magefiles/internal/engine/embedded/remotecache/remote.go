// Package remotecache reads and writes the cache of builds in a registry, in the format of BuildKit's own cache exporter.
//
// BuildKit reads and writes the cache through a content store of the session, so that this process, and not the daemon, connects to the registry:
// with the account of the user, and within bounded time. A tag of the repository is an entry: an image manifest whose layers are the results of
// steps, and whose configuration lists the steps.
package remotecache

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Remote is the repository in the registry. Digests are those of OCI, as sha256:HEX.
type Remote interface {
	// Name is the name of the repository, for messages.
	Name() string
	// Manifest reads the manifest of a tag. ok is false if the registry says that there is none.
	Manifest(ctx context.Context, tag string) (raw []byte, ok bool, err error)
	// Has reports whether the repository has a blob.
	Has(ctx context.Context, digest string) (bool, error)
	// Blob opens a blob. Reading ends with an error if the registry sends nothing for too long.
	Blob(ctx context.Context, digest string) (io.ReadCloser, error)
	// Push uploads a blob. open is called for each attempt.
	Push(ctx context.Context, digest string, size int64, open func() (io.ReadCloser, error)) error
	// Tag uploads a manifest of an OCI image under a tag.
	Tag(ctx context.Context, tag string, manifest []byte) error
}

// ErrDamaged is the kind of error of an entry that the registry has, and that BuildKit cannot use.
var ErrDamaged = errors.New("the entry is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
