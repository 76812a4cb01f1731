package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Assemble makes one image from its variants, which is pushed with this client.
func (c *Client) Assemble(ctx context.Context, variants []image.Variant, meta image.Metadata) (image.Artifact, error) {
	a, err := AssembleContext(ctx, variants, meta)
	if err != nil {
		return nil, err
	}
	a.client = c
	return a, nil
}

// AssembleContext makes one image from its variants: an OCI index in their order, or a plain manifest if there is only one. Docker's media
// types become OCI's. If ctx ends, it returns the error of ctx. The caller closes the artifact.
func AssembleContext(ctx context.Context, variants []image.Variant, meta image.Metadata) (_ *Artifact, err error) {
	if err := checkVariants(variants, meta); err != nil {
		return nil, err
	}
	a := &Artifact{created: meta.Created}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := a.assembleAll(ctx, variants, meta); err != nil {
		return nil, err
	}
	if len(a.images) == 1 {
		a.root = a.images[0].manifest
		return a, nil
	}
	a.root, err = a.index(meta)
	return a, err
}

func checkVariants(variants []image.Variant, meta image.Metadata) error {
	if len(variants) == 0 {
		return errors.New("no variant to assemble: expected one archive for each platform")
	}
	if meta.Repack && meta.Created.IsZero() {
		return errors.New("a reproducible image requires a creation time: set it to the commit's")
	}
	for i, v := range variants {
		same := func(w image.Variant) bool { return samePlatform(w.Platform, v.Platform) }
		if slices.ContainsFunc(variants[:i], same) {
			return fmt.Errorf("platform %s is given twice", v.Platform)
		}
	}
	return nil
}

// assembleAll makes the images of all platforms, in parallel: packing and hashing use a processor each.
func (a *Artifact) assembleAll(ctx context.Context, variants []image.Variant, meta image.Metadata) (err error) {
	if meta.Repack {
		if a.temp, err = os.MkdirTemp(meta.TempDir, "image-"); err != nil {
			return fmt.Errorf("folder for re-packed layers: %w", err)
		}
	}
	archives := make([]*archive, len(variants))
	for i, v := range variants {
		if archives[i], err = openArchive(v.File); err != nil {
			return fmt.Errorf("%s: %w", v.Platform, err)
		}
		a.closers = append(a.closers, archives[i])
	}
	a.images = make([]*variantImage, len(variants))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, v := range variants {
		group.Go(func() (err error) {
			if a.images[i], err = a.assemble(ctx, archives[i], v, meta); err != nil {
				return fmt.Errorf("%s: %w", v.Platform, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// assemble makes one platform's image.
func (a *Artifact) assemble(ctx context.Context, from *archive, v image.Variant, meta image.Metadata) (*variantImage, error) {
	src, err := from.load(v.Platform)
	if err != nil {
		return nil, err
	}
	img := &variantImage{platform: v.Platform, program: program{v.Program, v.SHA256}}
	var config []byte
	if meta.Repack {
		config, err = a.repack(ctx, img, src, v, meta)
	} else {
		img.layers = src.blobs(src.manifest.Layers)
		config, err = stampConfig(src.config, meta)
		if err == nil {
			err = img.checkProgram(ctx, here)
		}
	}
	if err != nil {
		return nil, err
	}
	return img, img.finish(config, meta.Annotations)
}

// blobs are layers as stored in the archive.
func (s *source) blobs(layers []v1.Descriptor) []blob {
	var out []blob
	for _, d := range layers {
		named := v1.Descriptor{MediaType: ociLayer(d.MediaType), Size: d.Size, Digest: d.Digest}
		out = append(out, blob{desc: named, open: func() (io.ReadCloser, error) { return s.from.blob(d) }})
	}
	return out
}

// finish writes the manifest.
func (img *variantImage) finish(config []byte, annotations map[string]string) (err error) {
	img.config, err = newDocument(config, types.OCIConfigJSON)
	if err != nil {
		return err
	}
	m := v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: img.config.desc, Layers: []v1.Descriptor{}, Annotations: maps.Clone(annotations),
	}
	for _, l := range img.layers {
		m.Layers = append(m.Layers, l.desc)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	img.manifest, err = newManifest(raw, types.OCIManifestSchema1)
	return err
}

func (a *Artifact) index(meta image.Metadata) (*manifest, error) {
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Annotations: maps.Clone(meta.Annotations)}
	for _, img := range a.images {
		d := img.manifest.descriptor()
		d.Platform = &v1.Platform{OS: img.platform.OS, Architecture: img.platform.Architecture, Variant: img.platform.Variant}
		idx.Manifests = append(idx.Manifests, d)
	}
	raw, err := json.Marshal(idx)
	if err != nil {
		return nil, err
	}
	return newManifest(raw, types.OCIImageIndex)
}

// repack fills img with the base's layers unchanged and our own as one, and returns the config for them.
func (a *Artifact) repack(ctx context.Context, img *variantImage, src *source, v image.Variant, meta image.Metadata) ([]byte, error) {
	layers := src.manifest.Layers
	diffs, err := diffIDs(src.config)
	if err != nil {
		return nil, err
	}
	if len(diffs) != len(layers) || v.BaseLayers < 0 || v.BaseLayers > len(layers) {
		return nil, fmt.Errorf("image archive %s: %d layers, %d layers of the base image and %d digests in its config do not match",
			v.File, len(layers), v.BaseLayers, len(diffs))
	}
	img.layers = src.blobs(layers[:v.BaseLayers])
	if v.BaseLayers == len(layers) {
		if err := img.checkProgram(ctx, here); err != nil {
			return nil, err
		}
		return repackedConfig(src.config, meta, diffs, nil)
	}
	p := packer{dir: a.temp, created: meta.Created.Truncate(time.Second), onScratch: v.BaseLayers == 0, program: v.Program}
	own, diff, err := p.pack(ctx, src.blobs(layers[v.BaseLayers:]))
	if err != nil {
		return nil, err
	}
	if err := img.program.compare(v.Platform, p.found); err != nil {
		return nil, err
	}
	img.layers = append(img.layers, own)
	return repackedConfig(src.config, meta, diffs[:v.BaseLayers], &diff)
}
