package objects

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// imported reads an image from an archive: an OCI layout in a tar file.
func (c *Container) imported(ctx context.Context, a gql.Args) (any, error) {
	f, _, err := gql.Object[*File](a, "source")
	if err != nil {
		return nil, err
	}
	b, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	index, err := c.env.unpackLayout(bytes.NewReader(b))
	if err != nil {
		return nil, inSpan(fmt.Errorf("image archive import: %w", err))
	}
	desc, config, err := c.env.pickManifest(index, c.platform, a.String("tag"))
	if err != nil {
		return nil, inSpan(fmt.Errorf("resolve imported image manifest: %w", err))
	}
	out := *c
	if err := out.adopt(config); err != nil {
		return nil, err
	}
	out.fs = llb.OCILayout("blumeops/import@"+desc.Digest.String(), llb.OCIStore(c.env.Solver.SessionID(), solver.ImportStore), llb.Platform(out.platform), llb.WithCustomName("import "+f.base()))
	return &out, nil
}

// blob is the host path of an imported blob.
func (e *Env) blob(algorithm, hex string) string {
	return filepath.Join(e.TempDir, solver.ImportStore, "blobs", algorithm, hex)
}

// unpackLayout puts an archive's blobs into the session's store and returns its index.
func (e *Env) unpackLayout(r io.Reader) (*ocispecs.Index, error) {
	var index *ocispecs.Index
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		dir, name := path.Split(path.Clean(h.Name))
		switch {
		case h.Typeflag != tar.TypeReg:
		case dir == "blobs/sha256/":
			err = e.storeBlob(name, tr)
		case name == "index.json" && dir == "":
			index = &ocispecs.Index{}
			err = json.NewDecoder(tr).Decode(index)
		}
		if err != nil {
			return nil, err
		}
	}
	if index == nil {
		return nil, errors.New("it has no index.json: expected an OCI layout")
	}
	return index, nil
}

func (e *Env) storeBlob(name string, r io.Reader) error {
	dest := e.blob("sha256", name)
	if err := os.MkdirAll(filepath.Dir(dest), 0o700); err != nil {
		return err
	}
	f, err := os.Create(dest)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// pickManifest finds the manifest for a platform, in nested indexes too, and its configuration.
func (e *Env) pickManifest(index *ocispecs.Index, p ocispecs.Platform, tag string) (ocispecs.Descriptor, []byte, error) {
	match := platforms.OnlyStrict(p)
	for _, d := range index.Manifests {
		if tag != "" && d.Annotations[ocispecs.AnnotationRefName] != tag {
			continue
		}
		if d.MediaType == ocispecs.MediaTypeImageIndex || d.MediaType == "application/vnd.docker.distribution.manifest.list.v2+json" {
			var nested ocispecs.Index
			if err := e.readBlob(d, &nested); err != nil {
				return d, nil, err
			}
			if found, config, err := e.pickManifest(&nested, p, ""); err == nil {
				return found, config, nil
			}
			continue
		}
		if d.Platform != nil && !match.Match(*d.Platform) {
			continue
		}
		var m ocispecs.Manifest
		if err := e.readBlob(d, &m); err != nil {
			return d, nil, err
		}
		config, err := os.ReadFile(e.blob(m.Config.Digest.Algorithm().String(), m.Config.Digest.Encoded()))
		return d, config, err
	}
	return ocispecs.Descriptor{}, nil, fmt.Errorf("no manifest for platform %s and tag %s", platforms.Format(p), tag)
}

func (e *Env) readBlob(d ocispecs.Descriptor, v any) error {
	if err := d.Digest.Validate(); err != nil {
		return err
	}
	b, err := os.ReadFile(e.blob(d.Digest.Algorithm().String(), d.Digest.Encoded()))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
