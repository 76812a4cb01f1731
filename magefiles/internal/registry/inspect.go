package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// absentCodes are the codes that a working registry sends with 404 if it has no such tag. NOT_FOUND is Harbor's. Any other 404
// comes from a server that is not a registry, or from a proxy.
var absentCodes = []transport.ErrorCode{transport.NameUnknownErrorCode, transport.ManifestUnknownErrorCode, "NOT_FOUND"}

// Look reads the image that ref names. ok is false only if the registry itself says that there is nothing; any other failure is an error,
// usually an *Error.
func (c *Client) Look(ctx context.Context, ref image.Reference) (found image.Found, ok bool, err error) {
	tag, err := c.tag(ref)
	if err != nil {
		return image.Found{}, false, err
	}
	from, err := c.reader(tag.Repository)
	if err != nil {
		return image.Found{}, false, err
	}
	err = c.ask(ctx, from.acc, "read "+ref.String(), func(ctx context.Context) error {
		found, ok, err = c.inspect(documents(ctx), tag, from.Puller)
		return err
	})
	if err != nil {
		return image.Found{}, false, c.explain(ctx, reading, ref, from.acc, err)
	}
	return found, ok, nil
}

func (c *Client) inspect(ctx context.Context, tag name.Tag, puller *remote.Puller) (image.Found, bool, error) {
	root, err := puller.Get(ctx, tag)
	if absent(err) {
		return image.Found{}, false, nil
	}
	if err != nil {
		return image.Found{}, false, err
	}
	found := image.Found{Digest: root.Digest.String()}
	switch {
	case root.MediaType.IsIndex():
		err = c.readIndex(ctx, &found, puller, tag, root)
	case root.MediaType.IsImage():
		err = c.readImage(ctx, &found, puller, tag, root)
	default:
		err = fmt.Errorf("%s is a %q, neither an image nor an index of images", tag, root.MediaType)
	}
	return found, err == nil, err
}

// absent reports whether err is a registry's statement that it has no such tag.
func absent(err error) bool {
	var te *transport.Error
	if !errors.As(err, &te) || te.StatusCode != http.StatusNotFound {
		return false
	}
	return slices.ContainsFunc(te.Errors, func(d transport.Diagnostic) bool { return slices.Contains(absentCodes, d.Code) })
}

// readIndex sets the fields that an index states, and the labels of its first image.
func (c *Client) readIndex(ctx context.Context, f *image.Found, puller *remote.Puller, tag name.Tag, root *remote.Descriptor) error {
	var index v1.IndexManifest
	if err := json.Unmarshal(root.Manifest, &index); err != nil {
		return fmt.Errorf("index under %s: %w", tag, err)
	}
	f.Annotations = maps.Clone(index.Annotations)
	var first *v1.Descriptor
	for i, d := range index.Manifests {
		if !runnable(d) {
			continue
		}
		if first == nil {
			first = &index.Manifests[i]
		}
		if d.Platform != nil {
			f.Platforms = append(f.Platforms, platformOf(*d.Platform))
		}
	}
	if first == nil {
		return nil
	}
	child, err := c.cached(first.Digest, func() ([]byte, error) {
		got, err := puller.Get(ctx, tag.Digest(first.Digest.String()))
		if err != nil {
			return nil, incomplete(tag, first.Digest, err)
		}
		return got.Manifest, nil
	})
	if err != nil {
		return err
	}
	_, config, err := c.readManifest(ctx, puller, tag, child, first.Digest)
	if err != nil {
		return err
	}
	f.Labels = config.Config.Labels
	return nil
}

// readImage sets the fields that the manifest and the config of an image state.
func (c *Client) readImage(ctx context.Context, f *image.Found, puller *remote.Puller, tag name.Tag, root *remote.Descriptor) error {
	manifest, config, err := c.readManifest(ctx, puller, tag, root.Manifest, root.Digest)
	if err != nil {
		return err
	}
	f.Annotations = maps.Clone(manifest.Annotations)
	f.Labels = config.Config.Labels
	if p := config.Platform(); p != nil {
		f.Platforms = []image.Platform{platformOf(*p)}
	}
	return nil
}

// readManifest parses the manifest of an image, and reads its config.
func (c *Client) readManifest(ctx context.Context, puller *remote.Puller, tag name.Tag, raw []byte, digest v1.Hash) (*v1.Manifest, *v1.ConfigFile, error) {
	var manifest v1.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, nil, fmt.Errorf("manifest %s: %w", digest, err)
	}
	at := manifest.Config
	text, err := c.cached(at.Digest, func() ([]byte, error) {
		if at.Digest.Algorithm == "sha256" && digestHex(at.Data) == at.Digest.Hex { // the manifest contains it
			return at.Data, nil
		}
		return readBlob(ctx, puller, tag.Digest(at.Digest.String()))
	})
	if err != nil {
		return nil, nil, fmt.Errorf("config of image %s: %w", digest, err)
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(text))
	if err != nil {
		return nil, nil, fmt.Errorf("config of image %s: %w", digest, err)
	}
	return &manifest, config, nil
}

// readBlob reads a blob, and compares it with its digest. The context bounds its size (documents).
func readBlob(ctx context.Context, puller *remote.Puller, blob name.Digest) ([]byte, error) {
	layer, err := puller.Layer(ctx, blob)
	if err != nil {
		return nil, err
	}
	content, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// cached reads content from the cache, or with read.
func (c *Client) cached(digest v1.Hash, read func() ([]byte, error)) ([]byte, error) {
	if content, ok := c.opts.Cache.get(digest); ok {
		return content, nil
	}
	content, err := read()
	if err == nil {
		c.opts.Cache.put(digest, content)
	}
	return content, err
}

// incomplete is the error of a tag that names a missing image, which is not an absent tag.
func incomplete(tag name.Tag, digest v1.Hash, err error) error {
	if absent(err) {
		return fmt.Errorf("%s names image %s, which the registry does not have: push it again with `container:publish NAME VERSION -force`", tag, digest)
	}
	return err
}

// runnable reports whether a descriptor of an index is an image for a machine, not BuildKit's attestation of one.
func runnable(d v1.Descriptor) bool {
	if d.Annotations["vnd.docker.reference.type"] != "" || (d.Platform != nil && d.Platform.OS == "unknown") {
		return false
	}
	return d.MediaType.IsImage() || d.MediaType == types.MediaType("")
}

func platformOf(p v1.Platform) image.Platform {
	return image.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}
