package e2etest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/opencontainers/go-digest"
)

// ReadOneImage reads an OCI layout that must hold an image for one platform.
func ReadOneImage(t testing.TB, archive string) PlatformImage {
	t.Helper()
	p, err := ReadLayout(archive)
	if err != nil || len(p.Images) != 1 {
		t.Fatalf("%s: %v", archive, err)
	}
	return p.Images[0]
}

// Image is an image that was read back, of one platform or of several. That every part has the digest and the size
// that is stated for it was checked.
type Image struct {
	Digest      digest.Digest
	mediaType   string
	annotations map[string]string
	Images      []PlatformImage
}

// PlatformImage is the image for one platform.
type PlatformImage struct {
	Digest      digest.Digest
	stated      string // platform in the index; "" if there is none
	annotations map[string]string
	Config      ocispecs.Image
	Layers      [][]byte // the tar archives
	Size        int64    // of configuration and layers, as they travel
}

// readImage reads an index or a manifest, and all that it names.
func readImage(raw []byte, manifest, blob func(digest string) ([]byte, error)) (*Image, error) {
	p := &Image{Digest: digest.FromBytes(raw)}
	var index ocispecs.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, err
	}
	p.mediaType, p.annotations = index.MediaType, index.Annotations
	if index.MediaType != ocispecs.MediaTypeImageIndex {
		one, err := readOne(raw, blob)
		p.Images = []PlatformImage{one}
		return p, err
	}
	for _, d := range index.Manifests {
		raw, err := checked(d, manifest)
		if err != nil {
			return nil, err
		}
		one, err := readOne(raw, blob)
		if err != nil {
			return nil, err
		}
		if d.Platform != nil {
			one.stated = PlatformName(*d.Platform)
		}
		p.Images = append(p.Images, one)
	}
	return p, nil
}

// PlatformName is os/architecture/variant.
func PlatformName(p ocispecs.Platform) string {
	return strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
}

func readOne(raw []byte, blob func(string) ([]byte, error)) (one PlatformImage, err error) {
	var manifest ocispecs.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return one, err
	}
	if manifest.MediaType != ocispecs.MediaTypeImageManifest {
		return one, fmt.Errorf("a %q, not an OCI image manifest", manifest.MediaType)
	}
	one.Digest, one.annotations = digest.FromBytes(raw), manifest.Annotations
	config, err := checked(manifest.Config, blob)
	if err != nil {
		return one, err
	}
	if err := json.Unmarshal(config, &one.Config); err != nil {
		return one, err
	}
	one.Size = manifest.Config.Size
	for i, d := range manifest.Layers {
		packed, err := checked(d, blob)
		if err != nil {
			return one, err
		}
		layer, err := unzip(packed)
		if err != nil {
			return one, fmt.Errorf("layer %s: %w", d.Digest, err)
		}
		if stated := one.Config.RootFS.DiffIDs; i >= len(stated) || stated[i] != digest.FromBytes(layer) {
			return one, fmt.Errorf("layer %d is not what the configuration states: %v", i, stated)
		}
		one.Layers, one.Size = append(one.Layers, layer), one.Size+d.Size
	}
	return one, nil
}

// checked compares what is stated of a blob with what it is.
func checked(d ocispecs.Descriptor, fetch func(string) ([]byte, error)) ([]byte, error) {
	raw, err := fetch(d.Digest.String())
	if err != nil {
		return nil, err
	}
	if got := digest.FromBytes(raw); got != d.Digest || int64(len(raw)) != d.Size {
		return nil, fmt.Errorf("%s of %d bytes is %s of %d bytes", d.Digest, d.Size, got, len(raw))
	}
	return raw, nil
}

// unzip returns what is not compressed as it is.
func unzip(packed []byte) ([]byte, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if errors.Is(err, gzip.ErrHeader) {
		return packed, nil
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}

// Files are the regular files of an image, with their content.
func (o PlatformImage) Files() (map[string]string, error) {
	files := map[string]string{}
	err := o.Each(func(h *tar.Header, content []byte) {
		if h.Typeflag == tar.TypeReg {
			files[path.Join("/", h.Name)] = string(content)
		}
	})
	return files, err
}

// Each calls found for each entry of the layers, from the lowest layer.
func (o PlatformImage) Each(found func(h *tar.Header, content []byte)) error {
	for _, layer := range o.Layers {
		for archive := tar.NewReader(bytes.NewReader(layer)); ; {
			h, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			content, err := io.ReadAll(archive)
			if err != nil {
				return err
			}
			found(h, content)
		}
	}
	return nil
}

// ReadLayout reads an OCI layout: a folder, or a tar.
func ReadLayout(where string) (*Image, error) {
	read := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(where, filepath.FromSlash(name))) }
	if info, err := os.Stat(where); err != nil {
		return nil, err
	} else if !info.IsDir() {
		members, err := untar(where)
		if err != nil {
			return nil, err
		}
		read = func(name string) ([]byte, error) {
			if text, ok := members[name]; ok {
				return text, nil
			}
			return nil, fmt.Errorf("%s has no %s", where, name)
		}
	}
	if marker, err := read(ocispecs.ImageLayoutFile); err != nil || !strings.Contains(string(marker), ocispecs.ImageLayoutVersion) {
		return nil, fmt.Errorf("%s is no OCI layout: %q, %w", where, marker, err)
	}
	raw, err := read(ocispecs.ImageIndexFile)
	if err != nil {
		return nil, err
	}
	var index ocispecs.Index
	if err := json.Unmarshal(raw, &index); err != nil || len(index.Manifests) != 1 {
		return nil, fmt.Errorf("%s holds %d images, %w", where, len(index.Manifests), err)
	}
	blob := func(d string) ([]byte, error) { return read("blobs/" + strings.Replace(d, ":", "/", 1)) }
	top, err := checked(index.Manifests[0], blob)
	if err != nil {
		return nil, err
	}
	return readImage(top, blob, blob)
}

func untar(file string) (map[string][]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	members := map[string][]byte{}
	for archive := tar.NewReader(f); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return members, nil
		}
		if err != nil {
			return nil, err
		}
		if members[path.Clean(h.Name)], err = io.ReadAll(archive); err != nil {
			return nil, err
		}
	}
}

// describe is an image in lines, for scripts. Files of more than a line's length are not shown.
func (p *Image) describe(w io.Writer) error {
	fmt.Fprintf(w, "digest %s\ntype %s\n", p.Digest, p.mediaType)
	describeMap(w, "annotation", p.annotations)
	for _, one := range p.Images {
		name := PlatformName(one.Config.Platform)
		fmt.Fprintf(w, "image %s stated=%s\n", name, one.stated)
		describeMap(w, name+" annotation", one.annotations)
		describeMap(w, name+" label", one.Config.Config.Labels)
		fmt.Fprintf(w, "%s entrypoint %q\n%s user %s\n", name, one.Config.Config.Entrypoint, name, one.Config.Config.User)
		if one.Config.Created != nil {
			fmt.Fprintf(w, "%s created %s\n", name, one.Config.Created.UTC().Format("2006-01-02T15:04:05Z"))
		}
		files, err := one.Files()
		if err != nil {
			return err
		}
		for _, file := range slices.Sorted(maps.Keys(files)) {
			if text := files[file]; len(text) < 80 && len(files) < 100 {
				fmt.Fprintf(w, "%s file %s %q\n", name, file, text)
			} else if len(files) < 100 {
				fmt.Fprintf(w, "%s file %s\n", name, file)
			}
		}
	}
	return nil
}

func describeMap(w io.Writer, what string, m map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(w, "%s %s=%s\n", what, key, m[key])
	}
}

// DigestPattern finds a digest in what is printed.
var DigestPattern = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
