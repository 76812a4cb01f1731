package pipeline

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dagger.io/dagger"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Image is a built image, for one platform or several. It exists in the engine, as long as the connection does.
type Image struct {
	client    *dagger.Client
	cached    Cached
	container image.Container
	variants  []variant
}

type variant struct {
	platform image.Platform
	ctr      *dagger.Container
	sha256   string // of the compiled program; "" if there is none
}

// Archives writes one OCI layout for each platform into a folder, in parallel.
func (i *Image) Archives(ctx context.Context, dir string) ([]image.Variant, error) {
	archives := make([]image.Variant, len(i.variants))
	group, ctx := errgroup.WithContext(ctx)
	for n, v := range i.variants {
		group.Go(func() (err error) {
			archives[n], err = i.archive(ctx, v, dir)
			if err != nil {
				return fmt.Errorf("%s: %w", v.platform, explain(err))
			}
			return nil
		})
	}
	return archives, group.Wait()
}

func (i *Image) archive(ctx context.Context, v variant, dir string) (image.Variant, error) {
	file := filepath.Join(dir, strings.ReplaceAll(v.platform.String(), "/", "_")+".tar")
	opts := dagger.ContainerExportOpts{}
	if i.container.Kind == image.KindGo && i.container.Base == "" {
		opts.ForcedCompression = dagger.ImageLayerCompressionUncompressed // the layer is packed again; those of a base are kept
	}
	if _, err := v.ctr.Export(i.cached.container(ctx, i.container.Name, v.platform), file, opts); err != nil {
		return image.Variant{}, err
	}
	a := image.Variant{Platform: v.platform, File: file, SHA256: v.sha256}
	if v.sha256 != "" {
		a.Program = programPath(i.container)
	}
	if i.container.Kind == image.KindGo && i.container.Base != "" {
		layers, err := countLayers(file)
		if err != nil {
			return image.Variant{}, fmt.Errorf("read %s: %w", file, err)
		}
		a.BaseLayers = layers - 1 // the program is the top layer
	}
	return a, nil
}

// Archive writes all platforms as one OCI layout in a tar file.
func (i *Image) Archive(ctx context.Context, file string) error {
	file, err := filepath.Abs(file) // an engine's session may have another working directory
	if err != nil {
		return err
	}
	if len(i.variants) == 1 {
		_, err := i.variants[0].ctr.Export(ctx, file)
		return explain(err)
	}
	opts := dagger.ContainerExportOpts{}
	for _, v := range i.variants {
		opts.PlatformVariants = append(opts.PlatformVariants, v.ctr)
	}
	_, err = i.client.Container().Export(ctx, file, opts)
	return explain(err)
}

// Rootfs writes the root file system into a folder. The image must be for one platform.
func (i *Image) Rootfs(ctx context.Context, dir string) error {
	if len(i.variants) != 1 {
		return errors.New("a root file system has one platform, and this image has several")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	_, err = i.variants[0].ctr.Rootfs().Export(ctx, dir)
	return explain(err)
}

// countLayers counts the layers of the only image in an OCI layout. It finds the manifest by its content, since a layout may have any order.
func countLayers(file string) (int, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	const maxManifest = 4 << 20 // the limit of the distribution specification
	for archive := tar.NewReader(f); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return 0, errors.New("it contains no image manifest")
		}
		if err != nil {
			return 0, err
		}
		if path.Dir(path.Dir(header.Name)) != "blobs" || header.Size > maxManifest {
			continue
		}
		var manifest struct {
			Config *json.RawMessage
			Layers []json.RawMessage
		}
		if json.NewDecoder(archive).Decode(&manifest) == nil && manifest.Config != nil && manifest.Layers != nil {
			return len(manifest.Layers), nil
		}
	}
}
