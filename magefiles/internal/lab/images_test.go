package lab

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestKeyFollowsTheRecipe(t *testing.T) {
	one, err := DebianRecipe().key()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := DebianRecipe().key()
	other := DebianRecipe()
	other.Setup = "true"
	changed, _ := other.key()
	if one != again || one == changed {
		t.Errorf("keys: %s, the same recipe %s, a changed one %s", one, again, changed)
	}
}

func TestKeptImageIsReturned(t *testing.T) {
	dir := t.TempDir()
	key, err := DebianRecipe().key()
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, key)
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kept, "index.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	if got, err := (Images{Dir: dir}).Make(t.Context(), DebianRecipe()); err != nil || got != kept {
		t.Errorf("Make = %s, %v; want %s", got, err, kept)
	}
	if _, err := (Images{Dir: dir}).Make(t.Context(), PythonRecipe()); err == nil || !strings.Contains(err.Error(), "apt-get install debootstrap") {
		t.Errorf("without debootstrap: %v; want the command that brings it", err)
	}
}

// needImages skips a test that makes images where they cannot be made.
func needImages(t *testing.T) {
	t.Helper()
	err := Ready()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func TestImages(t *testing.T) {
	needImages(t)
	for _, c := range []struct {
		recipe  Recipe
		has     []string
		command []string // run in the root file system
		says    string
	}{
		{DebianRecipe(), []string{"./bin", "./usr/bin/apt-get"}, []string{"sh", "-c", "echo $0"}, "sh"},
		{PythonRecipe(), []string{"./usr/local/bin/python"}, []string{"python", "-m", "pip", "--version"}, "pip"},
		{NginxRecipe(), []string{"./etc/nginx/conf.d/default.conf"}, []string{"nginx", "-t"}, "successful"},
	} {
		t.Run(c.recipe.Name, func(t *testing.T) {
			layout, err := Images{Log: func(line string) { t.Log(line) }}.Make(t.Context(), c.recipe)
			if err != nil {
				t.Fatal(err)
			}
			config := checkLayout(t, layout)
			if config.Architecture != runtime.GOARCH || config.OS != "linux" {
				t.Errorf("platform %s/%s", config.OS, config.Architecture)
			}
			if got := config.Config.Labels[LabelStandIn]; (got == "") != (c.recipe.Name == "debian") {
				t.Errorf("label %s = %q", LabelStandIn, got)
			}
			names, root := unpack(t, layout)
			for _, name := range c.has {
				if !slices.Contains(names, name) {
					t.Errorf("%s is missing", name)
				}
			}
			for _, name := range names {
				for _, dir := range []string{"./dev/", "./var/lib/apt/lists/", "./var/cache/apt/"} {
					if strings.HasPrefix(name, dir) && name != dir {
						t.Errorf("%s is in the image", name)
					}
				}
			}
			out, err := chroot(root, c.command...)
			if err != nil || !strings.Contains(out, c.says) {
				t.Errorf("%v: %v, said %q", c.command, err, out)
			}
		})
	}
}

// One that is stopped leaves neither a half-made image nor a mount, and the next attempt starts afresh.
func TestStoppedWhileMaking(t *testing.T) {
	needImages(t)
	images := Images{Dir: t.TempDir()}
	recipe := Recipe{Name: "stopped", Suite: "bookworm"}
	dir, err := images.place(recipe)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+".making/root", 0o755); err != nil { // of a process that was killed
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	images.Log = func(string) { stop() }
	if _, err := images.Make(ctx, recipe); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v, want %v", err, context.Canceled)
	}
	left, err := filepath.Glob(filepath.Join(images.Dir, "stopped*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// checkLayout compares every digest and size that the layout states, and returns the image's configuration.
func checkLayout(t *testing.T, dir string) v1.Image {
	t.Helper()
	desc, manifest, _, err := readManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Layers) != 1 {
		t.Fatalf("%d layers, want one", len(manifest.Layers))
	}
	for _, d := range []v1.Descriptor{desc, manifest.Config, manifest.Layers[0]} {
		f, err := os.Open(blobPath(dir, d.Digest))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := digest.FromReader(f)
		if err != nil || got != d.Digest {
			t.Errorf("%s has the digest %s, %v", d.Digest, got, err)
		}
		if info, err := f.Stat(); err != nil || info.Size() != d.Size {
			t.Errorf("%s has not the size %d, %v", d.Digest, d.Size, err)
		}
	}
	text, err := os.ReadFile(blobPath(dir, manifest.Config.Digest))
	if err != nil {
		t.Fatal(err)
	}
	var image v1.Image
	if err := json.Unmarshal(text, &image); err != nil {
		t.Fatal(err)
	}
	return image
}

// unpack lists the layer and extracts it.
func unpack(t *testing.T, dir string) (names []string, root string) {
	t.Helper()
	_, manifest, _, err := readManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := blobPath(dir, manifest.Layers[0].Digest)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(zip)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
	root = t.TempDir()
	if out, err := exec.Command("tar", "-xzpf", path, "--numeric-owner", "-C", root).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	return names, root
}

func chroot(root string, args ...string) (string, error) {
	// Files in the place of devices are enough for what runs here.
	script := `for f in null stdout stderr; do : >"$0/dev/$f"; done; exec chroot "$0" "$@"`
	out, err := exec.Command("sh", append([]string{"-c", script, root}, args...)...).CombinedOutput()
	return string(out), err
}
