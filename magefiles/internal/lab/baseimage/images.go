package baseimage

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Images makes base images and keeps them.
type Images struct {
	Dir string       // folder of the images; "" is blumeops/lab in the user's cache folder
	Log func(string) // receives one line before something that takes long; nil: none
}

// Make returns the folder of an OCI image layout that holds only the manifest of the recipe's image for this machine's architecture. A kept image
// is returned immediately; making one takes 20 to 60 s. Several processes may call Make at the same time: one makes the image.
func (i Images) Make(ctx context.Context, r Recipe) (string, error) {
	dir, err := i.place(r)
	if err != nil {
		return "", err
	}
	if kept(dir) {
		return dir, nil
	}
	// Only one image is made at a time, of any recipe: they share the folder of packages.
	lock := flock.New(filepath.Join(filepath.Dir(dir), "lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for another process that makes image %s: %w", r.Reference(), err)
	}
	defer lock.Close()
	return dir, i.makeLocked(ctx, r, dir)
}

// Kept reports whether Make would return immediately.
func (i Images) Kept(r Recipe) (bool, error) {
	dir, err := i.place(r)
	return err == nil && kept(dir), err
}

func (i Images) place(r Recipe) (string, error) {
	root := i.Dir
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("base images: %w", err)
		}
		root = filepath.Join(cache, "blumeops", "lab")
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", fmt.Errorf("base images: %w", err)
	}
	key, err := r.key()
	return filepath.Join(root, key), err
}

func kept(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	return err == nil
}

// makeLocked makes the image, and its base first, unless they are kept.
func (i Images) makeLocked(ctx context.Context, r Recipe, dir string) error {
	if kept(dir) {
		return nil
	}
	base := ""
	if r.Base != nil {
		var err error
		if base, err = i.place(*r.Base); err != nil {
			return err
		}
		if err := i.makeLocked(ctx, *r.Base, base); err != nil {
			return err
		}
	}
	if err := i.make(ctx, r, base, dir); err != nil {
		return fmt.Errorf("make image %s: %w", r.Reference(), err)
	}
	return nil
}

// make builds next to dir and moves the result there, so that an incomplete image is never found.
func (i Images) make(ctx context.Context, r Recipe, base, dir string) error {
	if err := r.Ready(); err != nil {
		return err
	}
	if i.Log != nil {
		i.Log("making base image " + r.Reference() + " from " + r.sources() + " (once, up to a minute)")
	}
	w := rootfsBuilder{Recipe: r, dir: dir + ".making", base: base, debs: filepath.Join(filepath.Dir(dir), "debs"), log: i.Log}
	if err := w.open(); err != nil {
		return err
	}
	defer os.RemoveAll(w.dir)
	if err := w.fill(ctx); err != nil {
		return err
	}
	layout := filepath.Join(w.dir, "layout")
	if err := WriteLayout(layout, r.Config, base, func(to io.Writer) error { return w.pack(ctx, to) }); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(layout, dir)
}

// sources are the sources of the image, for people.
func (r Recipe) sources() string {
	if len(r.NPM) > 0 {
		return "npm's packages"
	}
	return "Debian's packages"
}
