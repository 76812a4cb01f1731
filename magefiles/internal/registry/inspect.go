package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	acc := c.account()
	err = c.ask(ctx, acc, "read "+ref.String(), func(ctx context.Context) error {
		found, ok, err = c.inspect(documents(ctx), tag, acc)
		return err
	})
	if err != nil {
		return image.Found{}, false, c.explain(ctx, reading, ref, acc, err)
	}
	return found, ok, nil
}

func (c *Client) inspect(ctx context.Context, tag name.Tag, acc *account) (image.Found, bool, error) {
	opts, err := c.remoteOptions(ctx, acc)
	if err != nil {
		return image.Found{}, false, err
	}
	puller, err := remote.NewPuller(opts...)
	if err != nil {
		return image.Found{}, false, err
	}
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
		err = readIndex(ctx, &found, puller, tag, root)
	case root.MediaType.IsImage():
		err = readImage(&found, root)
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
func readIndex(ctx context.Context, f *image.Found, puller *remote.Puller, tag name.Tag, root *remote.Descriptor) error {
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
	child, err := puller.Get(ctx, tag.Digest(first.Digest.String()))
	if err != nil {
		return incomplete(tag, first.Digest, err)
	}
	config, err := readConfig(child)
	if err != nil {
		return err
	}
	f.Labels = config.Config.Labels
	return nil
}

// readImage sets the fields that the manifest and the config of an image state.
func readImage(f *image.Found, root *remote.Descriptor) error {
	var manifest v1.Manifest
	if err := json.Unmarshal(root.Manifest, &manifest); err != nil {
		return fmt.Errorf("manifest %s: %w", root.Digest, err)
	}
	config, err := readConfig(root)
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

func readConfig(d *remote.Descriptor) (*v1.ConfigFile, error) {
	img, err := d.Image()
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("config of image %s: %w", d.Digest, err)
	}
	return config, nil
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
