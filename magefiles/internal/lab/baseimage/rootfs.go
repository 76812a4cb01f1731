package baseimage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// rootfsBuilder makes one layer in a working folder.
type rootfsBuilder struct {
	Recipe
	dir  string // of the work; the lock protects it
	base string // layout of the image below; "" for none
	debs string // packages of Debian, kept for other recipes
	log  func(string)
}

// root is the folder whose content becomes the layer.
func (w rootfsBuilder) root() string { return filepath.Join(w.dir, "root") }

// open makes an empty folder. Existing files are those of a process that was killed.
func (w rootfsBuilder) open() error {
	if err := os.RemoveAll(w.dir); err != nil {
		return err
	}
	for _, dir := range []string{w.dir, w.root(), w.debs} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// fill puts the layer's content into root.
func (w rootfsBuilder) fill(ctx context.Context) error {
	if w.Suite != "" {
		if err := w.bootstrap(ctx); err != nil {
			return err
		}
	}
	if w.Setup == "" {
		return nil
	}
	return w.setup(ctx)
}

// attempts is how often packages are fetched: a mirror may fail for a moment, and downloaded packages are kept.
const attempts = 3

// bootstrap installs the recipe's packages of Debian.
func (w rootfsBuilder) bootstrap(ctx context.Context) error {
	args := []string{"--variant=minbase", "--cache-dir=" + w.debs}
	if len(w.Include) > 0 {
		args = append(args, "--include="+strings.Join(w.Include, ","))
	}
	args = append(args, w.Suite, w.root())
	for attempt := 1; ; attempt++ {
		err := command(ctx, "", nil, "debootstrap", args...)
		if err == nil || ctx.Err() != nil || attempt == attempts {
			return err
		}
		if w.log != nil {
			w.log("once more: " + err.Error())
		}
		if err := os.RemoveAll(w.root()); err != nil {
			return err
		}
	}
}

// setup runs the recipe's script by sh -eu in root. $ARCHIVES has a folder with the content of each npm archive. In an image with a base, root is
// empty at first, and the files that the script leaves are the layer above the base's; $BASE is the base's root file system, from which the
// script copies the files that it changes.
func (w rootfsBuilder) setup(ctx context.Context) error {
	archives, base := filepath.Join(w.dir, "archives"), filepath.Join(w.dir, "base")
	for _, dir := range []string{archives, base} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	for _, a := range w.NPM {
		if err := a.fetch(ctx, archives); err != nil {
			return err
		}
	}
	if err := w.unpackBase(ctx, base); err != nil {
		return err
	}
	env := append(procgroup.Environment(os.Environ(), procgroup.Basic), "ARCHIVES="+archives, "BASE="+base)
	return command(ctx, w.root(), env, "sh", "-eu", "-c", "umask 022\n"+w.Setup)
}

func (w rootfsBuilder) unpackBase(ctx context.Context, dir string) error {
	if w.base == "" {
		return nil
	}
	_, manifest, _, err := ReadManifest(w.base)
	if err != nil {
		return err
	}
	for _, layer := range manifest.Layers {
		if err := command(ctx, dir, nil, "tar", "-xzpf", BlobPath(w.base, layer.Digest), "--numeric-owner"); err != nil {
			return fmt.Errorf("unpack %s: %w", w.Base.Reference(), err)
		}
	}
	return nil
}

// npmTime is the time that npm gives every file of an archive.
const npmTime = "@499162500"

// pack writes root as a tar archive, without packages, package lists and device nodes: each container gets its own devices. A layer above a base
// is reproducible bit for bit.
func (w rootfsBuilder) pack(ctx context.Context, to io.Writer) error {
	args := []string{"--create", "--directory=" + w.root(), "--numeric-owner", "--sort=name", "--xattrs", "--anchored",
		"--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*",
		"--exclude=./debootstrap", "--exclude=./var/log/bootstrap.log"}
	if w.base != "" {
		// Otherwise tar records when each file was read last, and its own process id.
		args = append(args, "--mtime="+npmTime, "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime")
	}
	cmd := exec.CommandContext(ctx, "tar", append(args, ".")...)
	cmd.Env = procgroup.Environment(os.Environ(), procgroup.Basic)
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = to, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("tar: %w: %s", err, tail(errs.String()))
	}
	return nil
}

// command runs a program and ends it with its children when ctx ends. A nil environment means the basic one.
func command(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	if env == nil {
		cmd.Env = procgroup.Environment(os.Environ(), procgroup.Basic)
	}
	isolate(cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, tail(string(out)))
	}
	return nil
}

// tail is the end of a program's output, with the reason of a failure.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
