package baseimage

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

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestKeyFollowsTheRecipe(t *testing.T) {
	key := func(change func(*Recipe)) string {
		r := NodeSlim()
		change(&r)
		key, err := r.key()
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	same := func(*Recipe) {}
	one := key(same)
	if again := key(same); again != one {
		t.Errorf("the same recipe has the keys %s and %s", one, again)
	}
	for what, change := range map[string]func(*Recipe){
		"script":          func(r *Recipe) { r.Setup = "true" },
		"checksum":        func(r *Recipe) { r.NPM[0].Integrity = "sha512-x" },
		"configuration":   func(r *Recipe) { r.Config.User = "node" },
		"script of below": func(r *Recipe) { r.Base.Setup = "true" },
	} {
		if key(change) == one {
			t.Errorf("another %s, the same key %s", what, one)
		}
	}
}

func TestKeptImageIsReturned(t *testing.T) {
	dir := t.TempDir()
	key, err := Debian().key()
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
	if got, err := (Images{Dir: dir}).Make(t.Context(), Debian()); err != nil || got != kept {
		t.Errorf("Make = %s, %v; want %s", got, err, kept)
	}
	if _, err := (Images{Dir: dir}).Make(t.Context(), Python()); err == nil || !strings.Contains(err.Error(), "apt-get install debootstrap") {
		t.Errorf("without debootstrap: %v; want the command that brings it", err)
	}
}

// needImages skips a test that makes images if they cannot be made here.
func needImages(t *testing.T, r Recipe) {
	t.Helper()
	testenv.Slow(t, "makes images")
	if err := r.Ready(); err != nil {
		testenv.Missing(t, err)
	}
}

// TestImages makes every image and runs its main programs.
func TestImages(t *testing.T) {
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
			command: "id node && nodejs --version && npm --version && npx --version", says: "uid=1000(node) gid=1000(node) groups=1000(node)\nv" + nodeVersion + "\n" + npmVersion + "\n" + npmVersion,
		},
		"library/python:bookworm": {has: []string{"./usr/local/bin/python"}, command: "python -m pip --version", says: "pip"},
		"library/nginx:bookworm":  {has: []string{"./etc/nginx/conf.d/default.conf"}, command: "nginx -t 2>&1", says: "successful"},
	}
	for _, r := range Recipes() {
		t.Run(r.Reference(), func(t *testing.T) {
			needImages(t, r)
			layout, err := Images{Log: func(line string) { t.Log(line) }}.Make(t.Context(), r)
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

func checkPlatform(t *testing.T, r Recipe, image v1.Image) {
	t.Helper()
	if image.Architecture != runtime.GOARCH || image.OS != "linux" {
		t.Errorf("platform %s/%s", image.OS, image.Architecture)
	}
	// The bare Debian image is not a replacement, so it has no such label.
	if got := image.Config.Labels[LabelStandIn]; (got == "") != (r.Reference() == Debian().Reference()) {
		t.Errorf("label %s = %q", LabelStandIn, got)
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
	needImages(t, NodeSlim())
	layers := func(r Recipe) []v1.Descriptor {
		layout, err := Images{}.Make(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		_, manifest, _, err := ReadManifest(layout)
		if err != nil {
			t.Fatal(err)
		}
		return manifest.Layers
	}
	debian, node := layers(DebianSlim()), layers(NodeSlim())
	if len(debian) != 1 || len(node) != 2 || node[0].Digest != debian[0].Digest {
		t.Errorf("layers of debian %v, of node %v", debian, node)
	}
}

// A layer above a base is reproducible: the engine's cache is still valid for an image that was made again.
func TestLayerAboveRepeats(t *testing.T) {
	base := Recipe{Name: "below", Tag: "v1", Setup: "mkdir etc; echo root:x:0:0 >etc/passwd"}
	r := Recipe{Name: "above", Tag: "v1", Base: &base, Setup: `mkdir etc; cp "$BASE/etc/passwd" etc/; echo node:x:1:1 >>etc/passwd`}
	needImages(t, r)
	make := func() (desc v1.Descriptor, root string) {
		layout, err := Images{Dir: t.TempDir()}.Make(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		_, manifest, _, err := ReadManifest(layout)
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

func TestArchiveIsVerified(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.tgz")
	if err := os.WriteFile(file, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	a := Archive{Package: "a", Version: "1.0.0", Integrity: "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="}
	if err := a.verify(file); err != nil {
		t.Errorf("the right archive: %v", err)
	}
	a.Integrity = "sha512-other"
	if err := a.verify(file); err == nil || !strings.Contains(err.Error(), "a@1.0.0") {
		t.Errorf("another archive: %v", err)
	}
	a.Integrity = ""
	if err := a.fetch(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "no checksum") {
		t.Errorf("without a checksum: %v", err)
	}
}

// A process that is stopped leaves neither an incomplete image nor a mount, and the next attempt starts from the beginning.
func TestStoppedWhileMaking(t *testing.T) {
	recipe := Recipe{Name: "stopped", Tag: suite, Suite: suite}
	needImages(t, recipe)
	images := Images{Dir: t.TempDir()}
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

// checkLayout checks every digest and size in the layout, and returns the image's configuration.
func checkLayout(t *testing.T, dir string) v1.Image {
	t.Helper()
	desc, manifest, _, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append([]v1.Descriptor{desc, manifest.Config}, manifest.Layers...) {
		f, err := os.Open(BlobPath(dir, d.Digest))
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
	text, err := os.ReadFile(BlobPath(dir, manifest.Config.Digest))
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
	_, manifest, _, err := ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	for _, layer := range manifest.Layers {
		path := BlobPath(dir, layer.Digest)
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
