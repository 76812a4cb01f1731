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
	"path/filepath"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// refAnnotation and containerdName are where an OCI layout names its image: the specification's place, and the one `docker load` reads on a
// containerd image store.
const (
	refAnnotation  = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
)

const layoutVersion = `{"imageLayoutVersion":"1.0.0"}`

// member is one file of a layout.
type member struct {
	name string
	size int64
	open func() (io.ReadCloser, error)
}

func textMember(name string, text []byte) member {
	return member{name: name, size: int64(len(text)), open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	}}
}

func blobName(h v1.Hash) string { return path.Join("blobs", h.Algorithm, h.Hex) }

// layout lists the files of an OCI layout, index.json last. name is the image's reference; "" leaves it unnamed.
func (a *Artifact) layout(name, tag string) ([]member, error) {
	files := []member{textMember("oci-layout", []byte(layoutVersion))}
	for _, b := range a.blobs() {
		files = append(files, member{name: blobName(b.desc.Digest), size: b.desc.Size, open: b.open})
	}
	for _, img := range a.children() {
		files = append(files, textMember(blobName(img.digest), img.raw))
	}
	files = append(files, textMember(blobName(a.root.digest), a.root.raw))
	top := a.root.descriptor()
	if name != "" {
		top.Annotations = map[string]string{containerdName: name, refAnnotation: tag}
	}
	raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{top}})
	if err != nil {
		return nil, err
	}
	return append(files, textMember("index.json", raw)), nil
}

// WriteTar writes the image as a tar that is both an OCI layout and what `docker load` takes. name is the reference that it gets
// there, REGISTRY/REPOSITORY:TAG or NAME:TAG; "" for none. Of several platforms, Docker's older image store takes this machine's.
func (a *Artifact) WriteTar(w io.Writer, name string) error {
	_, tag := splitTag(name)
	files, err := a.layout(name, tag)
	if err != nil {
		return err
	}
	docker, err := a.dockerManifest(name)
	if err != nil {
		return err
	}
	files = append(files, textMember("manifest.json", docker))
	tw := tar.NewWriter(w)
	for _, f := range files {
		if err := writeMember(tw, f, a.created); err != nil {
			return fmt.Errorf("image tar: %s: %w", f.name, err)
		}
	}
	return tw.Close()
}

func writeMember(tw *tar.Writer, f member, created time.Time) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: f.size, Mode: 0o644, ModTime: created.Truncate(time.Second)}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	return copyMember(tw, f)
}

func copyMember(w io.Writer, f member) error {
	r, err := f.open()
	if err != nil {
		return err
	}
	n, err := io.Copy(w, r)
	if err == nil && n != f.size {
		err = fmt.Errorf("%d bytes, %d were expected", n, f.size)
	}
	return errors.Join(err, r.Close())
}

// dockerManifest is manifest.json of `docker save` (https://github.com/moby/docker-image-spec/blob/v1.3.1/v1.2.md).
func (a *Artifact) dockerManifest(name string) ([]byte, error) {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	img := a.images[0]
	for _, other := range a.images {
		if other.platform.OS == "linux" && other.platform.Architecture == runtime.GOARCH {
			img = other
			break
		}
	}
	e := entry{Config: blobName(img.config.desc.Digest), Layers: []string{}}
	if name != "" {
		e.RepoTags = []string{name}
	}
	for _, l := range img.layers {
		e.Layers = append(e.Layers, blobName(l.desc.Digest))
	}
	return json.Marshal([]entry{e})
}

// WriteLayout writes the image as an OCI layout into dir, which must be absent, empty, or a layout already; one that is there is replaced as
// index.json is, in one step at the end, while blobs of older images stay.
func (a *Artifact) WriteLayout(dir string) error {
	if err := checkLayoutDir(dir); err != nil {
		return err
	}
	files, err := a.layout("", "")
	if err != nil {
		return err
	}
	for _, f := range files {
		target := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := writeFile(target, f); err != nil {
			return fmt.Errorf("OCI layout: %w", err)
		}
	}
	return nil
}

func checkLayoutDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("OCI layout: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return fmt.Errorf("OCI layout: folder %s holds something else: name an empty or a new one", dir)
	}
	return nil
}

// writeFile writes next to the target and renames, so that no half-written file ever has its name.
func writeFile(target string, f member) (err error) {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	tmp, err := scratch.Create(filepath.Dir(target), ".blumeops-part-")
	if err != nil {
		return err
	}
	defer tmp.Discard()
	if err := errors.Join(copyMember(tmp, f), tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), target)
}

// splitTag takes a reference's tag off its end; a colon before a slash is a port's.
func splitTag(name string) (repository, tag string) {
	for i := len(name) - 1; i >= 0 && name[i] != '/'; i-- {
		if name[i] == ':' {
			return name[:i], name[i+1:]
		}
	}
	return name, ""
}
