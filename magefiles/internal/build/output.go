package build

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// output is the target of a built image, with its form.
type output struct {
	form    form
	path    string
	records string // see Build.Outputs
}

type form int

const (
	noOutput  form = iota // the image stays in the engine
	tarball               // an OCI layout in a tar
	ociLayout             // a folder with an OCI layout
	rootfs                // a folder with the root file system
)

// parseOutput reads FILE.tar, oci:DIR, DIR, or dir:DIR; "" is no output.
func parseOutput(s string) (output, error) {
	form, where := noOutput, s
	switch scheme, rest, ok := strings.Cut(s, ":"); {
	case s == "":
		return output{}, nil
	case ok && scheme == "oci":
		form, where = ociLayout, rest
	case ok && scheme == "dir":
		form, where = rootfs, rest
	case strings.HasSuffix(s, ".tar"):
		form = tarball
	default:
		form = ociLayout
	}
	if base := filepath.Base(where); where == "" || base == "." || base == ".." || base == string(filepath.Separator) {
		return output{}, &image.InvalidError{What: "output", Input: s, Reason: "expected FILE.tar, oci:DIR or dir:DIR, with the name of a new file or folder"}
	}
	return output{form: form, path: filepath.Clean(where)}, nil
}

// check refuses a target that cannot be written, or that this program did not write.
func (o output) check() error {
	if o.form == noOutput {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(o.path)); err != nil || !info.IsDir() {
		return &image.InvalidError{What: "output", Input: o.path, Reason: "folder " + filepath.Dir(o.path) + " not found; create it first"}
	}
	info, err := os.Lstat(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case o.form == tarball && info.Mode().IsRegular() && isLayoutTar(o.path):
		return nil
	case o.form == ociLayout && info.IsDir() && isLayout(o.path):
		return nil
	case o.form != tarball && info.IsDir() && isEmpty(o.path):
		return nil
	case o.form == rootfs && info.IsDir() && unchanged(o.records, o.path):
		return nil
	case o.form == rootfs && info.IsDir():
		return &image.InvalidError{What: "output", Input: o.path, Reason: "it exists, and this command did not write it, or it was changed since; " +
			"remove it with its content, or give another name"}
	}
	return &image.InvalidError{What: "output", Input: o.path, Reason: "it exists, and is not an image that this command can replace; remove it, or give another name"}
}

func isLayout(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "oci-layout"))
	return err == nil
}

func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

func isLayoutTar(file string) bool {
	found := false
	_ = eachEntry(file, func(h *tar.Header, _ io.Reader) error {
		found = found || path.Clean(h.Name) == "oci-layout"
		return nil
	})
	return found
}

// write writes the image to a temporary name and renames it, so that the target is never
// incomplete. It returns the image's digest, which a root file system does not have.
func (o output) write(ctx context.Context, img image.Built) (digest string, err error) {
	if o.form == noOutput {
		return "", nil
	}
	temp, err := scratch.Make(filepath.Dir(o.path), ".blumeops-output-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, temp.Remove()) }()
	made := filepath.Join(temp.Path, "made")
	if o.form == rootfs {
		return "", o.writeRootfs(ctx, img, temp.Path, made)
	}
	if digest, err = o.writeLayout(ctx, img, made); err != nil {
		return "", err
	}
	return digest, replace(o.path, made, filepath.Join(temp.Path, "old"))
}

// writeRootfs writes a root file system to made, in the folder temp, and replaces the earlier one of this command with it.
func (o output) writeRootfs(ctx context.Context, img image.Built, temp, made string) error {
	defer func() { _ = removable(temp) }()        // RemoveAll reports folders that cannot be removed
	if err := os.Mkdir(made, 0o777); err != nil { // #nosec G301 -- the umask decides
		return err
	}
	if err := img.Rootfs(ctx, made); err != nil {
		return err
	}
	if err := o.check(); err != nil { // again, as the build took time
		return err
	}
	if err := replace(o.path, made, filepath.Join(temp, "old")); err != nil {
		return err
	}
	_ = record(o.records, o.path) // without a record the next run asks the user to remove the folder
	return nil
}

func (o output) writeLayout(ctx context.Context, img image.Built, made string) (digest string, err error) {
	archive := made
	if o.form == ociLayout {
		archive = made + ".tar"
	}
	if err := img.Archive(ctx, archive); err != nil {
		return "", err
	}
	if digest, err = layoutDigest(archive); err != nil || o.form == tarball {
		return digest, err
	}
	return digest, unpack(archive, made)
}

// replace renames made to target. An existing folder is renamed to aside first.
func replace(target, made, aside string) error {
	if info, err := os.Lstat(target); err == nil && info.IsDir() {
		if err := os.Rename(target, aside); err != nil {
			return err
		}
	}
	return os.Rename(made, target)
}

// layoutDigest reads the digest of the image, or of the index, from an OCI layout.
func layoutDigest(file string) (string, error) {
	var index struct {
		Manifests []struct{ Digest string }
	}
	err := eachEntry(file, func(h *tar.Header, content io.Reader) error {
		if path.Clean(h.Name) != "index.json" {
			return nil
		}
		return json.NewDecoder(content).Decode(&index)
	})
	if err == nil && len(index.Manifests) != 1 {
		err = fmt.Errorf("it contains %d images", len(index.Manifests))
	}
	if err != nil {
		return "", fmt.Errorf("read the exported image: %w", err)
	}
	return index.Manifests[0].Digest, nil
}

// unpack writes the files of a tar into a new folder. No entry leaves it.
func unpack(file, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return eachEntry(file, func(h *tar.Header, content io.Reader) error {
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		if err := root.MkdirAll(path.Dir(path.Clean(h.Name)), 0o755); err != nil {
			return err
		}
		out, err := root.Create(path.Clean(h.Name))
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		return errors.Join(err, out.Close())
	})
}

// eachEntry calls visit for each entry of a tar file.
func eachEntry(file string, visit func(*tar.Header, io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for archive := tar.NewReader(f); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(header, archive); err != nil {
			return err
		}
	}
}
