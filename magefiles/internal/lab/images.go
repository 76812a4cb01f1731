package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Images makes base images and keeps them.
type Images struct {
	Dir string       // where they are kept; "" is blumeops/lab in the user's cache folder
	Log func(string) // told one line before something that takes long; nil: nobody
}

// Debian returns the folder of an OCI image layout that holds DebianRecipe's image, made now if it is not kept yet.
func Debian(ctx context.Context) (string, error) {
	return Images{}.Make(ctx, DebianRecipe())
}

// Python is Debian for PythonRecipe.
func Python(ctx context.Context) (string, error) {
	return Images{}.Make(ctx, PythonRecipe())
}

// Nginx is Debian for NginxRecipe.
func Nginx(ctx context.Context) (string, error) {
	return Images{}.Make(ctx, NginxRecipe())
}

// Make returns the folder of an OCI image layout that holds the recipe's image: one layer, one manifest. An image that is
// kept is returned at once. Making one takes about 20 to 60 s, and needs root, debootstrap and Debian's package mirror.
// Several processes may ask at the same time; one makes it.
func (i Images) Make(ctx context.Context, r Recipe) (string, error) {
	dir, err := i.place(r)
	if err != nil {
		return "", err
	}
	if kept(dir) {
		return dir, nil
	}
	// One image at a time, whatever it is: they share the folder of packages.
	lock := flock.New(filepath.Join(filepath.Dir(dir), "lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for another process that makes image %s: %w", r.Name, err)
	}
	defer lock.Close()
	if kept(dir) {
		return dir, nil
	}
	if err := i.make(ctx, r, dir); err != nil {
		return "", fmt.Errorf("make image %s: %w", r.Name, err)
	}
	return dir, nil
}

func (i Images) place(r Recipe) (string, error) {
	root := i.Dir
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("lab images: %w", err)
		}
		root = filepath.Join(cache, "blumeops", "lab")
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("lab images: %w", err)
	}
	key, err := r.key()
	return filepath.Join(root, key), err
}

func kept(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	return err == nil
}

// make builds next to dir and moves the result there, so that a half-made image is never found.
func (i Images) make(ctx context.Context, r Recipe, dir string) error {
	if err := Ready(); err != nil {
		return err
	}
	if i.Log != nil {
		i.Log("making base image " + r.Name + " from Debian's packages (once, up to a minute)")
	}
	tmp := dir + ".making" // the lock makes it ours; what is there is of one that was killed
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	root, layout := filepath.Join(tmp, "root"), filepath.Join(tmp, "layout")
	debs := filepath.Join(filepath.Dir(dir), "debs")
	if err := os.MkdirAll(debs, 0o755); err != nil {
		return err
	}
	if err := i.bootstrap(ctx, r, root, debs); err != nil {
		return err
	}
	if err := writeLayout(layout, r, func(w io.Writer) error { return pack(ctx, root, w) }); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(layout, dir)
}

// Ready says what this machine lacks for making images; nil if nothing.
func Ready() error {
	for _, program := range []string{"debootstrap", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s not found: apt-get install %s", program, program)
		}
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("base images are made by root (debootstrap changes owners and roots): run it as root once")
	}
	return nil
}

// attempts is how often packages are fetched: a mirror may fail for a moment, and what was fetched is kept.
const attempts = 3

// bootstrap installs the recipe's packages into root and runs its set-up. Packages are kept in debs, for other recipes.
func (i Images) bootstrap(ctx context.Context, r Recipe, root, debs string) error {
	for attempt := 1; ; attempt++ {
		err := debootstrap(ctx, r, root, debs)
		if err == nil || ctx.Err() != nil || attempt == attempts {
			return err
		}
		if i.Log != nil {
			i.Log("once more: " + err.Error())
		}
		if err := os.RemoveAll(root); err != nil {
			return err
		}
	}
}

func debootstrap(ctx context.Context, r Recipe, root, debs string) error {
	args := []string{"--variant=minbase", "--cache-dir=" + debs}
	if len(r.Include) > 0 {
		args = append(args, "--include="+strings.Join(r.Include, ","))
	}
	if err := command(ctx, "", "debootstrap", append(args, r.Suite, root)...); err != nil {
		return err
	}
	if r.Setup == "" {
		return nil
	}
	return command(ctx, root, "sh", "-eu", "-c", r.Setup)
}

// pack writes root as a tar archive. Packages and package lists are no part of an image, nor are device nodes: each
// container gets its own.
func pack(ctx context.Context, root string, w io.Writer) error {
	cmd := exec.CommandContext(ctx, "tar", "--create", "--directory="+root, "--numeric-owner", "--sort=name", "--xattrs", "--anchored",
		"--exclude=./dev/*", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*",
		"--exclude=./debootstrap", "--exclude=./var/log/bootstrap.log", ".")
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("tar: %w: %s", err, tail(errs.String()))
	}
	return nil
}

// command runs a program and ends all of it with ctx.
func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
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

// tail is the end of a program's output, where it says why it failed.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
