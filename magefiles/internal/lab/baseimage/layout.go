package baseimage

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

// WriteLayout makes dir an OCI image layout with one image for this machine's architecture: the layers of base, the layout of
// another image ("" for none), and above them one that holds the tar archive that tar writes.
func WriteLayout(dir string, config v1.ImageConfig, base string, tar func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Join(dir, v1.ImageBlobsDir, "sha256"), 0o755); err != nil {
		return err
	}
	layers, diffIDs, err := takeLayers(dir, base)
	if err != nil {
		return err
	}
	layer, diffID, err := writeLayer(dir, tar)
	if err != nil {
		return err
	}
	image := v1.Image{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Config:   config,
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: append(diffIDs, diffID)},
	}
	stored, err := writeBlob(dir, v1.MediaTypeImageConfig, image)
	if err != nil {
		return err
	}
	manifest, err := writeBlob(dir, v1.MediaTypeImageManifest, v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Config:    stored,
		Layers:    append(layers, layer),
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

// takeLayers adds the layers of another layout's image to dir: the same files, by hard links.
func takeLayers(dir, base string) (layers []v1.Descriptor, diffIDs []digest.Digest, err error) {
	if base == "" {
		return nil, nil, nil
	}
	_, manifest, _, err := ReadManifest(base)
	if err != nil {
		return nil, nil, err
	}
	var image v1.Image
	text, err := os.ReadFile(BlobPath(base, manifest.Config.Digest))
	if err == nil {
		err = json.Unmarshal(text, &image)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read image configuration: %w", err)
	}
	for _, layer := range manifest.Layers {
		if err := os.Link(BlobPath(base, layer.Digest), BlobPath(dir, layer.Digest)); err != nil {
			return nil, nil, err
		}
	}
	return manifest.Layers, image.RootFS.DiffIDs, nil
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
	return layer, plain.Digest(), os.Rename(f.Name(), BlobPath(dir, layer.Digest))
}

func writeBlob(dir, mediaType string, value any) (v1.Descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
	return d, os.WriteFile(BlobPath(dir, d.Digest), text, 0o644)
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// ReadManifest returns the image manifest of a layout that holds one image: its descriptor, the manifest, and its stored bytes.
func ReadManifest(dir string) (desc v1.Descriptor, manifest v1.Manifest, raw []byte, err error) {
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
	raw, err = os.ReadFile(BlobPath(dir, desc.Digest))
	if err == nil {
		err = json.Unmarshal(raw, &manifest)
	}
	if err != nil {
		return desc, manifest, nil, fmt.Errorf("read image manifest: %w", err)
	}
	return desc, manifest, raw, nil
}

// BlobPath is the file of a layout's blob.
func BlobPath(dir string, d digest.Digest) string {
	return filepath.Join(dir, v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}
