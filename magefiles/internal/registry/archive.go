package registry

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// archive is an OCI image layout in a tar (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md), as BuildKit and
// Dagger export it. Blobs are read in place.
type archive struct {
	path  string
	file  *os.File
	parts map[string]span // by clean name
}

// span is the position of a member's content in the file.
type span struct{ offset, size int64 }

// maxDocument bounds index, manifest and config, which are read into memory.
const maxDocument = 16 << 20

// openArchive finds the members of a layout tar; the caller closes it.
func openArchive(file string) (*archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("image archive: %w", err)
	}
	a := &archive{path: file, file: f, parts: map[string]span{}}
	if err := a.scan(); err != nil {
		_ = f.Close() // it was only read
		return nil, err
	}
	return a, nil
}

func (a *archive) scan() error {
	tr := tar.NewReader(a.file)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("image archive %s: %w: expected an uncompressed tar of an OCI layout", a.path, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		// The reader reads no further than the header, so the file's offset is that of the content.
		offset, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return fmt.Errorf("image archive %s: %w", a.path, err)
		}
		a.parts[path.Clean(h.Name)] = span{offset: offset, size: h.Size}
	}
	if _, ok := a.parts["index.json"]; !ok {
		return fmt.Errorf("image archive %s: index.json is missing: expected the OCI layout of an engine's export", a.path)
	}
	return nil
}

// Close closes the file.
func (a *archive) Close() error { return a.file.Close() }

func (a *archive) part(name string) (*io.SectionReader, error) {
	s, ok := a.parts[name]
	if !ok {
		return nil, fmt.Errorf("image archive %s: %s is missing", a.path, name)
	}
	return io.NewSectionReader(a.file, s.offset, s.size), nil
}

// blob opens a blob; its content is compared with its digest as it is read, and the last Read fails if they differ.
func (a *archive) blob(d v1.Descriptor) (io.ReadCloser, error) {
	r, err := a.part(path.Join("blobs", d.Digest.Algorithm, d.Digest.Hex))
	if err != nil {
		return nil, err
	}
	if r.Size() != d.Size {
		return nil, fmt.Errorf("image archive %s: blob %s has %d bytes, expected %d", a.path, d.Digest, r.Size(), d.Size)
	}
	return verifying(r, d.Digest)
}

// document reads a small blob and decodes it.
func (a *archive) document(d v1.Descriptor, into any) ([]byte, error) {
	if d.Size > maxDocument {
		return nil, fmt.Errorf("image archive %s: document %s has %d bytes, the maximum is %d", a.path, d.Digest, d.Size, maxDocument)
	}
	r, err := a.blob(d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return a.decode(r, d.Digest.String(), into)
}

func (a *archive) decode(r io.Reader, name string, into any) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxDocument))
	if err != nil {
		return nil, fmt.Errorf("image archive %s: %w", a.path, err)
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(into); err != nil {
		return nil, fmt.Errorf("image archive %s: invalid %s: %w", a.path, name, err)
	}
	return raw, nil
}

// images lists the manifests in the layout, nested indexes opened and attestations left out.
func (a *archive) images() ([]v1.Descriptor, error) {
	r, err := a.part("index.json")
	if err != nil {
		return nil, err
	}
	var index v1.IndexManifest
	if _, err := a.decode(r, "index.json", &index); err != nil {
		return nil, err
	}
	return a.flatten(index, 0)
}

// maxNesting bounds indexes of indexes; engines write one or two.
const maxNesting = 4

func (a *archive) flatten(index v1.IndexManifest, depth int) ([]v1.Descriptor, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("image archive %s: indexes are nested more than %d deep", a.path, maxNesting)
	}
	var found []v1.Descriptor
	for _, d := range index.Manifests {
		switch {
		case d.MediaType.IsIndex():
			var inner v1.IndexManifest
			if _, err := a.document(d, &inner); err != nil {
				return nil, err
			}
			more, err := a.flatten(inner, depth+1)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		case runnable(d):
			found = append(found, d)
		}
	}
	return found, nil
}

// source is one image of the engine's export.
type source struct {
	from     *archive
	manifest v1.Manifest
	config   []byte
	platform image.Platform // from the config
}

// load reads the archive's image for a platform. If there is only one image, it must be that one.
func (a *archive) load(want image.Platform) (*source, error) {
	all, err := a.images()
	if err != nil {
		return nil, err
	}
	var stated []string
	for _, d := range all {
		s, err := a.read(d)
		if err != nil {
			return nil, err
		}
		if samePlatform(s.platform, want) {
			return s, nil
		}
		stated = append(stated, s.platform.String())
	}
	if len(stated) == 0 {
		return nil, fmt.Errorf("image archive %s: contains no image", a.path)
	}
	return nil, fmt.Errorf("image archive %s: its config states %v, but it was built for %s: set the platform on the container before exporting it",
		a.path, stated, want)
}

func (a *archive) read(d v1.Descriptor) (*source, error) {
	s := &source{from: a}
	if _, err := a.document(d, &s.manifest); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(s.manifest.Layers, func(l v1.Descriptor) bool { return !l.MediaType.IsLayer() }) {
		return nil, fmt.Errorf("image archive %s: manifest %s contains a layer that is not a file system layer", a.path, d.Digest)
	}
	var config struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
	}
	raw, err := a.document(s.manifest.Config, &config)
	if err != nil {
		return nil, err
	}
	s.config = raw
	s.platform = image.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	return s, nil
}

// samePlatform compares platforms; an unstated variant is the architecture's usual one (containerd's rule).
func samePlatform(a, b image.Platform) bool { return usualVariant(a) == usualVariant(b) }

func usualVariant(p image.Platform) image.Platform {
	switch {
	case p.Architecture == "arm64" && p.Variant == "v8", p.Architecture == "amd64" && p.Variant == "v1":
		p.Variant = ""
	case p.Architecture == "arm" && p.Variant == "":
		p.Variant = "v7"
	}
	return p
}

// ociLayer is the OCI name of a layer's media type.
func ociLayer(t types.MediaType) types.MediaType {
	switch t {
	case types.DockerLayer:
		return types.OCILayer
	case types.DockerUncompressedLayer:
		return types.OCIUncompressedLayer
	case types.DockerForeignLayer:
		return types.OCIRestrictedLayer
	}
	return t
}
