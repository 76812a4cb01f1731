package baseimage_test

import (
	"archive/tar"
	"compress/gzip"
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

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// needImages skips a test that makes images if they cannot be made here.
func needImages(t *testing.T, r baseimage.Recipe) {
	t.Helper()
	testenv.Slow(t, "makes images")
	if err := r.Ready(); err != nil {
		testenv.Missing(t, err)
	}
}

// TestImages makes every image and runs its main programs.
func TestImages(t *testing.T) {
	node := baseimage.NodeSlim()
	checks := map[string]struct {
		has, absent []string
		command     string // run in the root file system
		says        string
	}{
		"library/debian:bookworm": {has: []string{"./bin", "./usr/bin/apt-get", "./usr/share/man/"}, command: "echo $0", says: "sh"},
		"library/debian:bookworm-slim": {
			has:     []string{"./usr/share/doc/bash/copyright", "./usr/lib/locale/C.utf8/LC_CTYPE"},
			absent:  []string{"./usr/share/man/man1/", "./usr/share/locale/de/", "./usr/share/doc/bash/changelog.Debian.gz", "./etc/hostname", "./etc/resolv.conf"},
			command: "bash -c 'apt-get --version' && dpkg --audit && apt-config dump Acquire::Languages", says: "none",
		},
		"library/node:22-slim": {
			has:     []string{"./usr/local/bin/node", "./usr/local/bin/npm", "./usr/local/bin/npx", "./home/node/.bashrc"},
			command: "id node && nodejs --version && npm --version && npx --version", says: "uid=1000(node) gid=1000(node) groups=1000(node)\nv" + node.NPM[0].Version + "\n" + node.NPM[1].Version + "\n" + node.NPM[1].Version,
		},
		"library/python:bookworm":          {has: []string{"./usr/local/bin/python"}, command: "python -m pip --version", says: "pip"},
		"library/python:bookworm-backends": {has: []string{"./usr/local/bin/python"}, command: "python -c 'import setuptools, wheel, setuptools_scm, hatchling, hatch_vcs, poetry.core; print(1)'", says: "1"},
		"library/nginx:bookworm":           {has: []string{"./etc/nginx/conf.d/default.conf"}, command: "nginx -t 2>&1", says: "successful"},
	}
	for _, r := range testimage.All() {
		t.Run(r.Reference(), func(t *testing.T) {
			needImages(t, r)
			layout, err := baseimage.Images{Log: func(line string) { t.Log(line) }}.Make(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			checkPlatform(t, r, checkLayout(t, layout))
			names, root := unpack(t, layout)
			c := checks[r.Reference()]
			for _, name := range c.has {
				if !slices.Contains(names, name) {
					t.Errorf("%s is missing", name)
				}
			}
			for _, name := range c.absent {
				if slices.Contains(names, name) {
					t.Errorf("%s is in the image", name)
				}
			}
			checkClean(t, names)
			out, err := chroot(root, "sh", "-c", c.command)
			if err != nil || !strings.Contains(out, c.says) {
				t.Errorf("%v: %v, said %q", c.command, err, out)
			}
		})
	}
}

func checkPlatform(t *testing.T, r baseimage.Recipe, image v1.Image) {
	t.Helper()
	if image.Architecture != runtime.GOARCH || image.OS != "linux" {
		t.Errorf("platform %s/%s", image.OS, image.Architecture)
	}
	// The bare Debian image is not a replacement, so it has no such label.
	if got := image.Config.Labels[baseimage.LabelStandIn]; (got == "") != (r.Reference() == testimage.Debian().Reference()) {
		t.Errorf("label %s = %q", baseimage.LabelStandIn, got)
	}
}

// checkClean looks for files that belong to the machine that made the image.
func checkClean(t *testing.T, names []string) {
	t.Helper()
	for _, name := range names {
		for _, dir := range []string{"./dev/", "./var/lib/apt/lists/", "./var/cache/apt/"} {
			if strings.HasPrefix(name, dir) && name != dir {
				t.Errorf("%s is in the image", name)
			}
		}
	}
}

// Both share one layer, so that a registry and an engine store it once.
func TestNodeIsOnDebian(t *testing.T) {
	needImages(t, baseimage.NodeSlim())
	layers := func(r baseimage.Recipe) []v1.Descriptor {
		layout, err := baseimage.Images{}.Make(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		_, manifest, _, err := baseimage.ReadManifest(layout)
		if err != nil {
			t.Fatal(err)
		}
		return manifest.Layers
	}
	debian, node := layers(baseimage.DebianSlim()), layers(baseimage.NodeSlim())
	if len(debian) != 1 || len(node) != 2 || node[0].Digest != debian[0].Digest {
		t.Errorf("layers of debian %v, of node %v", debian, node)
	}
}

// A layer above a base is reproducible: the engine's cache is still valid for an image that was made again.
func TestLayerAboveRepeats(t *testing.T) {
	base := baseimage.Recipe{Name: "below", Tag: "v1", Setup: "mkdir etc; echo root:x:0:0 >etc/passwd"}
	r := baseimage.Recipe{Name: "above", Tag: "v1", Base: &base, Setup: `mkdir etc; cp "$BASE/etc/passwd" etc/; echo node:x:1:1 >>etc/passwd`}
	needImages(t, r)
	make := func() (desc v1.Descriptor, root string) {
		layout, err := baseimage.Images{Dir: t.TempDir()}.Make(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		_, manifest, _, err := baseimage.ReadManifest(layout)
		if err != nil {
			t.Fatal(err)
		}
		_, root = unpack(t, layout)
		return manifest.Layers[1], root
	}
	one, root := make()
	if two, _ := make(); one.Digest != two.Digest {
		t.Errorf("made twice: %s, %s", one.Digest, two.Digest)
	}
	if text, err := os.ReadFile(filepath.Join(root, "etc/passwd")); err != nil || string(text) != "root:x:0:0\nnode:x:1:1\n" {
		t.Errorf("etc/passwd: %q, %v", text, err)
	}
}

// checkLayout checks every digest and size in the layout, and returns the image's configuration.
func checkLayout(t *testing.T, dir string) v1.Image {
	t.Helper()
	desc, manifest, _, err := baseimage.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append([]v1.Descriptor{desc, manifest.Config}, manifest.Layers...) {
		f, err := os.Open(baseimage.BlobPath(dir, d.Digest))
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
	text, err := os.ReadFile(baseimage.BlobPath(dir, manifest.Config.Digest))
	if err != nil {
		t.Fatal(err)
	}
	var image v1.Image
	if err := json.Unmarshal(text, &image); err != nil {
		t.Fatal(err)
	}
	return image
}

// unpack lists the layers and extracts them.
func unpack(t *testing.T, dir string) (names []string, root string) {
	t.Helper()
	_, manifest, _, err := baseimage.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	for _, layer := range manifest.Layers {
		path := baseimage.BlobPath(dir, layer.Digest)
		names = append(names, list(t, path)...)
		if out, err := exec.Command("tar", "-xzpf", path, "--numeric-owner", "-C", root).CombinedOutput(); err != nil {
			t.Fatalf("tar: %v: %s", err, out)
		}
	}
	return names, root
}

func list(t *testing.T, path string) (names []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(zip); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

func chroot(root string, args ...string) (string, error) {
	// Plain files in place of devices are enough for these commands.
	script := `mkdir -p "$0/dev"; for f in null stdout stderr; do : >"$0/dev/$f"; done; exec chroot "$0" "$@"`
	out, err := exec.Command("sh", append([]string{"-c", script, root}, args...)...).CombinedOutput()
	return string(out), err
}
