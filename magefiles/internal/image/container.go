package image

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Root is the folder that holds the containers, from the root of the repository.
const Root = "containers"

// Kind is the way in which a container is built.
type Kind string

const (
	// KindDockerfile is built from the Dockerfile in its folder.
	KindDockerfile Kind = "dockerfile"
	// KindGo is a Go main package: compiled on the host, put on scratch or a named base.
	KindGo Kind = "go"
)

// otherKinds are the kinds of containers that another program builds, by the file of their folder. A folder with a Dockerfile or a Go main
// package is none of them.
var otherKinds = []struct {
	kind          Kind
	file, program string
}{
	{"nix", "default.nix", "Nix"},
	{"nix", "flake.nix", "Nix"},
	{"containerfile", "Containerfile", "Buildah"},
	{"apko", "apko.yaml", "apko"},
}

// Container is a folder of containers/ that an image is built from.
type Container struct {
	Name      Name
	Kind      Kind
	Dir       string     // slash path from the root: containers/NAME
	Version   string     // of the packaged application; "" if not stated
	Base      string     // kind go: the image that the program is put on; "" = scratch
	Platforms []Platform // that it is published for; nil if not stated

	VersionAt, BaseAt Position // where they are stated
}

// Find returns the containers of a repository, sorted by name. Hidden folders and folders with
// neither a Dockerfile nor a Go main package are skipped: see FindOthers. Unusable folders are in the error,
// each as a *ContainerError; the other containers are returned with it.
func Find(fsys fs.FS) ([]Container, error) {
	entries, err := fs.ReadDir(fsys, Root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the folder of containers: %w", err)
	}
	var found []Container
	var faults []error
	var other *OtherKindError
	for _, entry := range entries {
		if !isCandidate(entry) {
			continue
		}
		c, err := open(fsys, entry)
		switch {
		case errors.Is(err, errNoImage) || errors.As(err, &other):
		case err != nil:
			faults = append(faults, err)
		default:
			found = append(found, c)
		}
	}
	return found, errors.Join(faults...)
}

// FindOthers returns the containers of the kinds that another program builds, sorted by name. Faults are those of Find.
func FindOthers(fsys fs.FS) []Container {
	entries, err := fs.ReadDir(fsys, Root)
	if err != nil {
		return nil
	}
	var found []Container
	for _, entry := range entries {
		var other *OtherKindError
		if !isCandidate(entry) {
			continue
		}
		if _, err := open(fsys, entry); errors.As(err, &other) {
			found = append(found, Container{Name: Name(entry.Name()), Kind: other.Kind, Dir: path.Join(Root, entry.Name())})
		}
	}
	return found
}

// isCandidate leaves out files and hidden folders.
func isCandidate(entry fs.DirEntry) bool {
	hidden := strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_")
	return !hidden && (entry.IsDir() || entry.Type()&fs.ModeSymlink != 0)
}

// Lookup returns the container of that name. If there is none, the error is an
// *UnknownError; if its folder cannot be used it is a *ContainerError. Faults of
// other containers do not matter.
func Lookup(fsys fs.FS, n Name) (Container, error) {
	entries, err := fs.ReadDir(fsys, Root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Container{}, fmt.Errorf("read the folder of containers: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == string(n) && isCandidate(entry) {
			return open(fsys, entry)
		}
	}
	found, _ := Find(fsys) // faults of other containers do not matter here
	known := make([]Name, len(found))
	for i, c := range found {
		known[i] = c.Name
	}
	return Container{}, &UnknownError{Name: n, Known: known}
}

var errNoImage = errors.New("has neither a Dockerfile nor a Go main package")

// open reads one folder of containers/.
func open(fsys fs.FS, entry fs.DirEntry) (Container, error) {
	dir := path.Join(Root, entry.Name())
	c, err := read(fsys, dir, entry)
	if err != nil {
		return Container{}, &ContainerError{Dir: dir, Err: err}
	}
	return c, nil
}

func read(fsys fs.FS, dir string, entry fs.DirEntry) (Container, error) {
	if entry.Type()&fs.ModeSymlink != 0 {
		return Container{}, linkError(fsys, dir)
	}
	c := Container{Dir: dir}
	files, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return Container{}, err
	}
	if err := c.inspect(fsys, files); err != nil {
		return Container{}, err
	}
	c.Name, err = ParseName(entry.Name())
	return c, err
}

// inspect finds out the kind and the statements of the sources. A Dockerfile takes precedence over Go
// files: it may well compile them itself.
func (c *Container) inspect(fsys fs.FS, files []fs.DirEntry) error {
	for _, f := range files {
		if f.Name() != "Dockerfile" || f.IsDir() {
			continue
		}
		if f.Type()&fs.ModeSymlink != 0 {
			return linkError(fsys, path.Join(c.Dir, f.Name()))
		}
		c.Kind = KindDockerfile
		return c.readDockerfile(fsys)
	}
	if err := c.readGo(fsys, files); !errors.Is(err, errNoImage) {
		return err
	}
	for _, other := range otherKinds {
		for _, f := range files {
			if f.Name() == other.file && f.Type().IsRegular() {
				return &OtherKindError{Kind: other.kind, File: other.file, Program: other.program}
			}
		}
	}
	return errNoImage
}

// linkError refuses a symbolic link. Even one that stays in the tree would make two
// names for one folder, and engines do not follow it.
func linkError(fsys fs.FS, name string) error {
	target, err := fs.ReadLink(fsys, name)
	if err != nil {
		target = "an unknown path"
	}
	where := "to " + target
	if path.IsAbs(target) || strings.HasPrefix(path.Join(path.Dir(name), target), "..") {
		where += ", outside of the repository"
	}
	return fmt.Errorf("%s is a symbolic link %s; put the real files there", path.Base(name), where)
}
