package pipeline_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// writeContext writes the files that every case can copy.
func writeContext(t *testing.T, dir string) {
	t.Helper()
	for file, mode := range map[string]os.FileMode{
		"a.txt": 0o644, "b.md": 0o640, "run.sh": 0o755, "private": 0o600, "with space.txt": 0o644, "ünï.txt": 0o644, "[x].txt": 0o644, ".hidden": 0o644,
		"dir/x.txt": 0o644, "dir/y.md": 0o664, "dir/sub/z.txt": 0o644, "dir/sub/deep/w.txt": 0o444, "other/x.txt": 0o644, "other/node/m.js": 0o644,
	} {
		place(t, filepath.Join(dir, file), "this is "+file+"\n", mode)
	}
	archive := archived(t)
	place(t, filepath.Join(dir, "bundle.tar"), archive, 0o644)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := io.WriteString(z, archive)
	err = errors.Join(err, z.Close(), os.Symlink("a.txt", filepath.Join(dir, "link")), os.Symlink("dir", filepath.Join(dir, "dirlink")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")), os.Mkdir(filepath.Join(dir, "empty"), 0o700), os.Link(filepath.Join(dir, "a.txt"), filepath.Join(dir, "hard")),
		os.Chmod(filepath.Join(dir, "other"), 0o1777), os.Chmod(filepath.Join(dir, "dir", "sub"), 0o750))
	if err != nil {
		t.Fatal(err)
	}
	place(t, filepath.Join(dir, "bundle.tgz"), zipped.String(), 0o644)
}

func place(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), mode), os.Chmod(file, mode)); err != nil {
		t.Fatal(err)
	}
}

func archived(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "unpacked/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: 7, Gid: 8},
		{Name: "unpacked/f", Typeflag: tar.TypeReg, Mode: 0o4755, Uid: 9, Gid: 10},
		{Name: "unpacked/l", Typeflag: tar.TypeSymlink, Linkname: "f", Mode: 0o777},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// registryWithBase starts a registry that has lab/base:1: busybox, two users, and every setting that an image can inherit.
func registryWithBase(t *testing.T) (host string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	ref, err := name.ParseReference(host + "/lab/base:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, baseImage(t)); err != nil {
		t.Fatal(err)
	}
	return host
}

func baseImage(t *testing.T) v1.Image {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(baseLayer(t))), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "base"}})
	if err != nil {
		t.Fatal(err)
	}
	native := image.NativePlatform()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant, config.Author = native.OS, native.Architecture, native.Variant, "the base's"
	config.Config = v1.Config{
		Env: []string{"PATH=/bin", "FROM_BASE=yes"}, Labels: map[string]string{"base": "1"}, WorkingDir: "/work", Entrypoint: []string{"/bin/entry"},
		Cmd: []string{"base"}, OnBuild: []string{"ENV TRIGGERED=1", "RUN echo triggered > /triggered"}, Volumes: map[string]struct{}{"/volume": {}},
		ExposedPorts: map[string]struct{}{"53/udp": {}}, StopSignal: "SIGINT", Shell: []string{"/bin/sh", "-ec"},
		Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "true"}, Retries: 2},
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func baseLayer(t *testing.T) []byte {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("no busybox: apt-get install busybox-static")
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, content []byte) {
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "etc", "work", "home", "home/user", "tmp"} {
		add(tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755}, nil)
	}
	add(tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755}, program)
	for _, applet := range []string{"sh", "cat", "echo", "env", "id", "ls", "mkdir", "chmod", "chown", "rm", "ln", "touch", "pwd", "test", "true", "sort", "grep", "stat", "mv", "find"} {
		add(tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}, nil)
	}
	add(tar.Header{Name: "etc/passwd", Typeflag: tar.TypeReg, Mode: 0o644}, []byte("root:x:0:0:root:/:/bin/sh\nuser:x:1000:2000:u:/home/user:/bin/sh\n"))
	add(tar.Header{Name: "etc/group", Typeflag: tar.TypeReg, Mode: 0o644}, []byte("root:x:0:\nusers:x:2000:\nextra:x:3000:user\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
