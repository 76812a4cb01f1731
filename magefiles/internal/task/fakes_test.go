package task_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

var (
	amd64 = image.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = image.Platform{OS: "linux", Architecture: "arm64"}
	files = fstest.MapFS{
		"containers/nettest/main.go":         {Data: []byte("//blumeops:version 0.1.0\npackage main\n")},
		"containers/devpi/Dockerfile":        {Data: []byte("# blumeops:platforms linux/amd64\nARG CONTAINER_APP_VERSION=6\nFROM scratch\n")},
		"argocd/manifests/devpi/deploy.yaml": {Data: []byte("image: registry.example/blumeops/devpi:v1.0.0\n")},
	}
)

// builder makes tiny but real images, and counts builds.
type builder struct {
	t        *testing.T
	requests []image.BuildRequest
	content  string // of the layer
	compiled string // the compiled program; "" if there is none
	err      error
	during   func() // while the build runs
}

func (b *builder) Build(_ context.Context, r image.BuildRequest) (task.Image, error) {
	b.requests = append(b.requests, r)
	if b.during != nil {
		b.during()
	}
	return built{b, r}, b.err
}

type built struct {
	b *builder
	r image.BuildRequest
}

func (i built) Archive(_ context.Context, file string) error {
	return writeLayout(file, i.r.Platforms[0], i.b.content)
}

func (i built) Archives(_ context.Context, dir string) ([]image.Variant, error) {
	var variants []image.Variant
	for n, p := range i.r.Platforms {
		v := image.Variant{Platform: p, File: filepath.Join(dir, fmt.Sprint(n, ".tar"))}
		if i.b.compiled != "" {
			v.Program, v.SHA256 = "/file", fmt.Sprintf("%x", sha256.Sum256([]byte(i.b.compiled)))
		}
		if err := writeLayout(v.File, p, i.b.content); err != nil {
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
		os.WriteFile(filepath.Join(dir, "file"), []byte(i.b.content), 0o644),
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

// repo is a repository with a commit.
type repo struct {
	hash    string
	changed []string
	branch  bool
	err     error // of OnDefaultBranch
}

const (
	first  = "1111111111111111111111111111111111111111"
	second = "2222222222222222222222222222222222222222"
)

func (r repo) Head() (image.Commit, error) {
	return image.Commit{Hash: r.hash, Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))}, nil
}
func (r repo) Changed(context.Context, ...string) ([]string, error) { return r.changed, nil }
func (r repo) SourceURL() string                                    { return "https://forge.example/eblume/blumeops" }
func (r repo) OnDefaultBranch(context.Context, string) (bool, string, error) {
	return r.branch, "main", r.err
}

// trees are files that the working tree and all commits have.
type trees struct {
	fs.FS
	ignored []string
	missing error
}

func (r trees) Recorded(string) (fs.FS, error)                                { return r.FS, nil }
func (r trees) CheckContainer(context.Context, string, image.Container) error { return r.missing }
func (r trees) IgnoredOf(context.Context, fs.FS, image.Container) ([]string, error) {
	return r.ignored, nil
}

func clean(hash string) repo { return repo{hash: hash, branch: true} }

// wantError checks that the error contains all of the parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one that says %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q; want it to say %q", err, part)
		}
	}
}
