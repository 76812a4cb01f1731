// Package imagetest has builders of tiny images, for tests.
package imagetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

var (
	AMD64 = image.Platform{OS: "linux", Architecture: "amd64"}
	ARM64 = image.Platform{OS: "linux", Architecture: "arm64"}
	Files = fstest.MapFS{
		"containers/nettest/main.go":         {Data: []byte("//blumeops:version 0.1.0\npackage main\n")},
		"containers/devpi/Dockerfile":        {Data: []byte("# blumeops:platforms linux/amd64\nARG CONTAINER_APP_VERSION=6\nFROM scratch\n")},
		"argocd/manifests/devpi/deploy.yaml": {Data: []byte("image: registry.example/blumeops/devpi:v1.0.0\n")},
	}
)

// Builder makes tiny but real images, and counts builds.
type Builder struct {
	T        *testing.T
	Requests []image.BuildRequest
	Content  string // of the layer
	Compiled string // the compiled program; "" if there is none
	Err      error
	During   func() // while the build runs
}

func (b *Builder) Build(_ context.Context, r image.BuildRequest) (image.Built, error) {
	b.Requests = append(b.Requests, r)
	if b.During != nil {
		b.During()
	}
	return built{b, r}, b.Err
}

type built struct {
	b *Builder
	r image.BuildRequest
}

func (i built) Archive(_ context.Context, file string) error {
	return writeLayout(file, i.r.Platforms[0], i.b.Content)
}

func (i built) Archives(_ context.Context, dir string) ([]image.Variant, error) {
	var variants []image.Variant
	for n, p := range i.r.Platforms {
		v := image.Variant{Platform: p, File: filepath.Join(dir, fmt.Sprint(n, ".tar"))}
		if i.b.Compiled != "" {
			v.Program, v.SHA256 = "/file", fmt.Sprintf("%x", sha256.Sum256([]byte(i.b.Compiled)))
		}
		if err := writeLayout(v.File, p, i.b.Content); err != nil {
			return nil, err
		}
		variants = append(variants, v)
	}
	return variants, nil
}

func (i built) Rootfs(_ context.Context, dir string) error {
	closed := filepath.Join(dir, "closed") // as /proc or /root in images
	return errors.Join(
		os.MkdirAll(closed, 0o700), os.WriteFile(filepath.Join(closed, "file"), nil, 0o644), os.Chmod(closed, 0o555),
		os.WriteFile(filepath.Join(dir, "file"), []byte(i.b.Content), 0o644),
	)
}

// writeLayout writes an OCI layout of one image with one layer of one file.
func writeLayout(file string, p image.Platform, content string) error {
	layer := archiveOf(map[string][]byte{"file": []byte(content)})
	entries := map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
	blob := func(mediaType string, data []byte) map[string]any {
		digest := sha256.Sum256(data)
		entries[fmt.Sprintf("blobs/sha256/%x", digest)] = data
		return map[string]any{"mediaType": mediaType, "digest": fmt.Sprintf("sha256:%x", digest), "size": len(data)}
	}
	layerAt := blob("application/vnd.oci.image.layer.v1.tar", layer)
	config, err := json.Marshal(map[string]any{
		"os": p.OS, "architecture": p.Architecture, "config": map[string]any{},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []any{layerAt["digest"]}},
		"history": []any{map[string]any{"created_by": "test"}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": blob("application/vnd.oci.image.config.v1+json", config), "layers": []any{layerAt},
	})
	if err != nil {
		return err
	}
	index, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "manifests": []any{blob("application/vnd.oci.image.manifest.v1+json", manifest)},
	})
	if err != nil {
		return err
	}
	entries["index.json"] = index
	return os.WriteFile(file, archiveOf(entries), 0o644)
}

func archiveOf(entries map[string][]byte) []byte {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for name, data := range entries {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			panic(err) // a bytes.Buffer never fails
		}
		_, _ = w.Write(data)
	}
	_ = w.Close()
	return buffer.Bytes()
}

// WantEntries checks the names in a folder.
func WantEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}
