package builders

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// join writes one OCI layout from those of the platforms, with the bytes of the index that BuildKit's exporter writes.
func join(file string, variants []image.Variant) (err error) {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	l := layout{tar: tar.NewWriter(out), written: map[string]bool{}}
	index := ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex}
	for _, v := range variants {
		manifest, err := l.add(v)
		if err != nil {
			return fmt.Errorf("join the image for %s: %w", v.Platform, err)
		}
		index.Manifests = append(index.Manifests, manifest)
	}
	return l.finish(index)
}

// layout is an OCI layout that is being written.
type layout struct {
	tar     *tar.Writer
	written map[string]bool // names of blobs
}

// add copies the blobs of an archive, and returns the descriptor of its image.
func (l layout) add(v image.Variant) (found ocispecs.Descriptor, err error) {
	f, err := os.Open(v.File)
	if err != nil {
		return found, err
	}
	defer f.Close()
	var index ocispecs.Index
	for from := tar.NewReader(f); ; {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return found, err
		}
		switch name := path.Clean(h.Name); {
		case name == "index.json":
			err = json.NewDecoder(from).Decode(&index)
		case h.Typeflag == tar.TypeReg && strings.HasPrefix(name, "blobs/") && !l.written[name]:
			l.written[name] = true
			err = l.write(name, h.Size, from)
		}
		if err != nil {
			return found, err
		}
	}
	if len(index.Manifests) != 1 || index.Manifests[0].MediaType != ocispecs.MediaTypeImageManifest {
		return found, fmt.Errorf("the archive of the engine must have one image, and it has %d entries", len(index.Manifests))
	}
	found = index.Manifests[0]
	found.Annotations = nil // such as the time of the export
	found.Platform = &ocispecs.Platform{OS: v.Platform.OS, Architecture: v.Platform.Architecture, Variant: v.Platform.Variant}
	return found, nil
}

func (l layout) write(name string, size int64, content io.Reader) error {
	if err := l.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o444, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	_, err := io.Copy(l.tar, content)
	return err
}

// finish writes the index as a blob, and the files of the layout.
func (l layout) finish(index ocispecs.Index) error {
	blob, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return err
	}
	sum := digest.FromBytes(blob)
	top, err := json.Marshal(ocispecs.Index{
		Versioned: index.Versioned, MediaType: index.MediaType,
		Manifests: []ocispecs.Descriptor{{MediaType: index.MediaType, Digest: sum, Size: int64(len(blob))}},
	})
	if err != nil {
		return err
	}
	for _, file := range []struct{ name, text string }{
		{"blobs/sha256/" + sum.Encoded(), string(blob)}, {ocispecs.ImageIndexFile, string(top)}, {ocispecs.ImageLayoutFile, `{"imageLayoutVersion":"1.0.0"}`},
	} {
		if err := l.write(file.name, int64(len(file.text)), strings.NewReader(file.text)); err != nil {
			return err
		}
	}
	return l.tar.Close()
}
