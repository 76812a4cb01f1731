package repo

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// PartsOf are the parts of a repository that the image of a container is made from. A Dockerfile's folder is checked out completely, as
// the engine applies the .dockerignore itself; content that the .dockerignore leaves out may be missing.
func PartsOf(files fs.FS, c image.Container) ([]Part, error) {
	sources, err := image.Sources(files, c)
	if err != nil {
		return nil, err
	}
	if c.Kind == image.KindGo {
		return goParts(files, c, sources)
	}
	own := []string{path.Join(c.Dir, "Dockerfile"), path.Join(c.Dir, "Dockerfile.dockerignore"), path.Join(c.Dir, ".dockerignore")}
	parts := make([]Part, len(sources))
	for i, s := range sources {
		needed := func(file string) bool { return s.Counts(file) || slices.Contains(own, file) }
		parts[i] = Part{Path: s.Path, Needed: needed, All: true}
	}
	return parts, nil
}

// goParts are the parts that the go command reads.
func goParts(files fs.FS, c image.Container, sources []image.Source) ([]Part, error) {
	modules, err := image.ModuleFiles(files, c)
	if err != nil {
		return nil, err
	}
	var parts []Part
	for _, name := range modules {
		parts = append(parts, Part{Path: name})
	}
	for _, s := range sources {
		parts = append(parts, Part{Path: s.Path, Needed: s.Counts, Links: true})
		for dir := path.Dir(s.Path); dir != "."; dir = path.Dir(dir) { // a go.mod on the way puts the folder into another module
			parts = append(parts, Part{Path: path.Join(dir, "go.mod")})
		}
	}
	return parts, nil
}

// CheckContainer returns the content that a commit names for the image of a container and that this clone does not have: a
// *MissingError for each.
func (r *Repo) CheckContainer(ctx context.Context, commit string, c image.Container) error {
	s, parts, err := r.containerOf(commit, c)
	if err != nil {
		return err
	}
	return s.Check(ctx, parts)
}

// sourceTime is the time of files that are compiled: it does not affect the program.
var sourceTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// CheckOutContainer writes the files of a commit for the image of a container into a folder below cache, as CheckOut does. Files that a
// Dockerfile copies get the time of the commit.
func (r *Repo) CheckOutContainer(ctx context.Context, commit, cache string, c image.Container) (*CheckedOut, error) {
	s, parts, err := r.containerOf(commit, c)
	if err != nil {
		return nil, err
	}
	at := s.time
	if c.Kind == image.KindGo {
		at = sourceTime
	}
	return s.CheckOut(ctx, cache, at, parts)
}

func (r *Repo) containerOf(commit string, c image.Container) (*Snapshot, []Part, error) {
	s, err := r.snapshot(commit, true)
	if err != nil {
		return nil, nil, err
	}
	parts, err := PartsOf(s, c)
	return s, parts, err
}

// IgnoredOf lists some files that git ignores, and that a build of a container from the work tree would still use. files is the work tree.
func (r *Repo) IgnoredOf(ctx context.Context, files fs.FS, c image.Container) ([]string, error) {
	sources, err := image.Sources(files, c)
	if err != nil {
		return nil, err
	}
	under := make([]string, len(sources))
	for i, s := range sources {
		under[i] = s.Path
	}
	return r.Ignored(ctx, under, func(file string) bool {
		return slices.ContainsFunc(sources, func(s image.Source) bool { return s.Counts(file) })
	})
}
