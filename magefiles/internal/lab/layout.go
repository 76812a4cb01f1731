package lab

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// writeLayout makes dir an OCI image layout with one image for this machine's architecture, whose single layer is the tar
// archive that tar writes.
func writeLayout(dir string, r Recipe, tar func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Join(dir, v1.ImageBlobsDir, "sha256"), 0o755); err != nil {
		return err
	}
	layer, diffID, err := writeLayer(dir, tar)
	if err != nil {
		return err
	}
	image := v1.Image{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   r.Config,
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{diffID}},
	}
	config, err := writeBlob(dir, v1.MediaTypeImageConfig, image)
	if err != nil {
		return err
	}
	manifest, err := writeBlob(dir, v1.MediaTypeImageManifest, v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Config:    config,
		Layers:    []v1.Descriptor{layer},
	})
	if err != nil {
		return err
	}
	manifest.Platform = &image.Platform
	if err := writeJSON(filepath.Join(dir, v1.ImageLayoutFile), v1.ImageLayout{Version: v1.ImageLayoutVersion}); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, v1.ImageIndexFile), v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: []v1.Descriptor{manifest},
	})
}

// writeLayer compresses what tar writes into a blob; diffID is the digest of the archive itself.
func writeLayer(dir string, tar func(io.Writer) error) (layer v1.Descriptor, diffID digest.Digest, err error) {
	f, err := os.CreateTemp(dir, "layer")
	if err != nil {
		return layer, "", err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	plain, packed := digest.Canonical.Digester(), digest.Canonical.Digester()
	zip, err := gzip.NewWriterLevel(io.MultiWriter(f, packed.Hash()), gzip.BestSpeed)
	if err != nil {
		return layer, "", err
	}
	if err := tar(io.MultiWriter(zip, plain.Hash())); err != nil {
		return layer, "", err
	}
	if err := zip.Close(); err != nil {
		return layer, "", fmt.Errorf("compress layer: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return layer, "", err
	}
	layer = v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Digest: packed.Digest(), Size: info.Size()}
	return layer, plain.Digest(), os.Rename(f.Name(), blobPath(dir, layer.Digest))
}

func writeBlob(dir, mediaType string, value any) (v1.Descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
	return d, os.WriteFile(blobPath(dir, d.Digest), text, 0o644)
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// readManifest returns the image manifest of a layout that holds one image.
func readManifest(dir string) (desc v1.Descriptor, manifest v1.Manifest, raw []byte, err error) {
	var index v1.Index
	text, err := os.ReadFile(filepath.Join(dir, v1.ImageIndexFile))
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil {
		return desc, manifest, nil, fmt.Errorf("read image layout: %w", err)
	}
	if len(index.Manifests) != 1 {
		return desc, manifest, nil, fmt.Errorf("image layout %s holds %d images, expected one", dir, len(index.Manifests))
	}
	desc = index.Manifests[0]
	raw, err = os.ReadFile(blobPath(dir, desc.Digest))
	if err == nil {
		err = json.Unmarshal(raw, &manifest)
	}
	if err != nil {
		return desc, manifest, nil, fmt.Errorf("read image manifest: %w", err)
	}
	return desc, manifest, raw, nil
}

func blobPath(dir string, d digest.Digest) string {
	return filepath.Join(dir, v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}
