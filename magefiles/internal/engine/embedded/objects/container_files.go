package objects

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

var containerFileFields = map[string]gql.Resolver{
	"rootfs": field(func(c *Container, _ context.Context, _ gql.Args) (any, error) { return c.root(), nil }),
	"withRootfs": field(func(c *Container, _ context.Context, a gql.Args) (any, error) {
		d, _, err := gql.Object[*Directory](a, "directory")
		if err != nil {
			return nil, err
		}
		d = d.rooted()
		return c.withFS(d), nil
	}),
	"directory":        field((*Container).directory),
	"file":             field((*Container).file),
	"exists":           field((*Container).exists),
	"stat":             field((*Container).stat),
	"withNewFile":      field((*Container).withNewFile),
	"withFile":         field((*Container).withFile),
	"withFiles":        field((*Container).withFiles),
	"withDirectory":    field((*Container).withDirectory),
	"withSymlink":      field((*Container).withSymlink),
	"withoutFile":      field((*Container).without),
	"withoutDirectory": field((*Container).without),
	"withoutFiles":     field((*Container).withoutFiles),
}

// root is the root file system as a directory, mounts left out.
func (c *Container) root() *Directory {
	return &Directory{env: c.env, st: c.fs, dir: "/", checks: c.checks}
}

// withFS returns the container with another root file system and its checks.
func (c *Container) withFS(d *Directory) *Container {
	out := *c
	out.fs, out.checks, out.imageRef = d.st, d.checks, ""
	return &out
}

// place is where a path of the container is: in its root file system, or in a mounted directory or file.
type place struct {
	dir   *Directory
	rel   string // path within dir; unchanged if it is in the root file system
	mount int    // index in mounts, -1 for the root file system
	exact bool   // the path is the mount's own
}

// locate finds the place of a path.
func (c *Container) locate(p string) (place, error) {
	p = c.path(p)
	i := c.mountOf(p)
	if i < 0 {
		return place{dir: c.root(), rel: p, mount: -1}, nil
	}
	m := c.mounts[i]
	rel := path.Join("/", p[len(m.target):])
	switch {
	case m.dir != nil:
		d := *m.dir
		d.checks = d.checks.with(c.checks...)
		return place{dir: &d, rel: rel, mount: i, exact: rel == "/"}, nil
	case m.file != nil:
		d := &Directory{env: c.env, st: m.file.st, dir: path.Dir(m.file.path), checks: c.checks.with(m.file.checks...)}
		return place{dir: d, rel: path.Join(path.Base(m.file.path), rel), mount: i, exact: rel == "/"}, nil
	}
	return place{}, fmt.Errorf("%s: cannot retrieve path from %s", p, m.kind())
}

// put returns the container with the changed directory at its place.
func (c *Container) put(pl place, d *Directory) *Container {
	if pl.mount < 0 {
		return c.withFS(d)
	}
	out := *c
	out.mounts = append([]mount(nil), c.mounts...)
	out.mounts[pl.mount].dir = d
	out.checks = c.checks.with(d.ready) // the change is checked as one of the root file system is
	return &out
}

// change applies a change to the directory that contains a path. A mount at the path itself is removed, and the change is made below it; with
// folder, only the mount of a file is. If nothing can be changed, the container reports that when it is used.
func (c *Container) change(given string, folder bool, f func(d *Directory, rel string) (*Directory, error)) (*Container, error) {
	pl, err := c.locate(given)
	switch {
	case err != nil:
		return c.failing(inSpan(fmt.Errorf("failed to locate path %s: %w", given, err))), nil
	case pl.exact && (!folder || c.mounts[pl.mount].file != nil):
		return c.unmounted(pl.mount).change(given, folder, f)
	case pl.mount >= 0 && c.mounts[pl.mount].file != nil:
		return c.failing(inSpan(fmt.Errorf("path %s does not resolve to a directory target parent", given))), nil
	}
	d, err := f(pl.dir, pl.rel)
	if err != nil {
		return nil, err
	}
	return c.put(pl, d), nil
}

// failing returns the container with an error that is reported when it is used.
func (c *Container) failing(err error) *Container {
	out := *c
	out.checks = c.checks.with(func(context.Context) error { return err })
	return &out
}

func (c *Container) unmounted(i int) *Container {
	out := *c
	out.mounts = slices.Delete(slices.Clone(c.mounts), i, i+1)
	return &out
}

func (c *Container) directory(_ context.Context, a gql.Args) (any, error) {
	given := c.arg(a, "path")
	pl, err := c.locate(given)
	if err != nil {
		return failingDirectory(c, inSpan(err)), nil
	}
	if pl.mount < 0 {
		return pl.dir.sub(pl.rel, pl.rel), nil
	}
	if c.mounts[pl.mount].file != nil {
		return failingDirectory(c, inSpan(fmt.Errorf("path %s is a file, not a directory", given))), nil
	}
	if pl.exact {
		return pl.dir, nil
	}
	d := *pl.dir
	d.dir = pl.dir.at(pl.rel)
	d.checks = pl.dir.checks.with(pl.dir.within(pl.rel, given, true))
	d.host, d.excluded = false, nil
	return &d, nil
}

// within checks the target of a path in a mounted directory. Errors name the path as the caller did.
func (d *Directory) within(rel, given string, folder bool) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := d.env.evaluate(ctx, d.st); err != nil {
			return err
		}
		info, err := d.env.stat(ctx, d.st, d.at(rel), given)
		switch {
		case isBelowFile(err):
			err = belowFile(given)
		case isNotExist(err):
			err = notExist("lstat", given)
		case err == nil && folder && !info.IsDir():
			err = fmt.Errorf("path %s is a file, not a directory", given)
		case err == nil && !folder && info.IsDir():
			err = fmt.Errorf("path %s is a directory, not a file", given)
		}
		return inSpan(err)
	}
}

func failingDirectory(c *Container, err error) *Directory {
	return &Directory{env: c.env, st: llb.Scratch(), dir: "/", checks: c.checks.with(func(context.Context) error { return err })}
}

func (c *Container) file(_ context.Context, a gql.Args) (any, error) {
	given := c.arg(a, "path")
	pl, err := c.locate(given)
	if err == nil && pl.mount >= 0 && c.mounts[pl.mount].file != nil && !pl.exact {
		err = fmt.Errorf("path %s is a directory, not a file", given)
	}
	if err != nil {
		err = inSpan(err)
		return &File{env: c.env, st: llb.Scratch(), path: "/", checks: c.checks.with(func(context.Context) error { return err })}, nil
	}
	if pl.mount < 0 {
		return pl.dir.fileAt(pl.rel, inSpan), nil
	}
	return &File{env: c.env, st: pl.dir.st, hosted: pl.dir.hosted, path: pl.dir.at(pl.rel), checks: pl.dir.checks.with(pl.dir.within(pl.rel, given, false))}, nil
}

func (c *Container) exists(ctx context.Context, a gql.Args) (any, error) {
	pl, err := c.lookAt(ctx, c.arg(a, "path"))
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return nil, err
	}
	return c.env.exists(ctx, pl.dir.st, pl.dir.at(pl.rel), pl.named(), a)
}

func (c *Container) stat(ctx context.Context, a gql.Args) (any, error) {
	pl, err := c.lookAt(ctx, a.String("path"))
	if err != nil {
		return nil, err
	}
	return c.env.statPath(ctx, pl.dir.st, pl.dir.at(pl.rel), pl.named(), !a.Bool("doNotFollowSymlinks"))
}

// lookAt is the place of a path in a query.
func (c *Container) lookAt(ctx context.Context, p string) (place, error) {
	pl, err := c.locate(p)
	if err != nil {
		return place{}, inSpan(fmt.Errorf("failed to locate path %s: %w", p, err))
	}
	if err := pl.dir.checks.run(ctx); err != nil {
		return place{}, err
	}
	if pl.mount >= 0 && c.mounts[pl.mount].file != nil && !pl.exact {
		return place{}, notExist("stat", p)
	}
	return pl, nil
}

// named is the place's name in the error of a query: the path in the mount.
func (pl place) named() string {
	if pl.mount < 0 {
		return pl.rel
	}
	return first(strings.TrimPrefix(pl.rel, "/"), ".")
}

func (c *Container) withNewFile(ctx context.Context, a gql.Args) (any, error) {
	owner, err := c.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	given := c.arg(a, "path")
	f, err := c.env.newFile(ctx, path.Base(path.Clean(given)), []byte(a.String("contents")), permissions(a, 0o644))
	if err != nil {
		return nil, inSpan(fmt.Errorf("failed to create new file %s: %w", given, err))
	}
	return c.change(given, false, func(d *Directory, rel string) (*Directory, error) {
		return d.copyFile(f, rel, granted{owner: owner}), nil
	})
}

// ownerArg is the owner that the call names, nil for none. Names are looked up in the root file system.
func (c *Container) ownerArg(ctx context.Context, a gql.Args) (*ownership, error) {
	if a.String("owner") == "" {
		return nil, nil
	}
	o, err := c.owner(ctx, a.String("owner"))
	if err != nil {
		return nil, inSpan(fmt.Errorf("failed to resolve ownership for %s: %w", a.String("owner"), err))
	}
	return &o, nil
}

func (c *Container) withFile(ctx context.Context, a gql.Args) (any, error) {
	src, _, err := gql.Object[*File](a, "source")
	if err != nil {
		return nil, err
	}
	owner, err := c.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	return c.change(c.arg(a, "path"), false, func(d *Directory, rel string) (*Directory, error) {
		return d.copyFile(src, rel, grants(a, owner)), nil
	})
}

func (c *Container) withFiles(ctx context.Context, a gql.Args) (any, error) {
	srcs, err := gql.Objects[*File](a, "sources")
	if err != nil {
		return nil, err
	}
	owner, err := c.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, src := range srcs {
		if c, err = c.change(path.Join(c.arg(a, "path"), src.base()), false, func(d *Directory, rel string) (*Directory, error) {
			return d.copyFile(src, rel, grants(a, owner)), nil
		}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Container) withDirectory(ctx context.Context, a gql.Args) (any, error) {
	src, _, err := gql.Object[*Directory](a, "source")
	if err != nil {
		return nil, err
	}
	owner, err := c.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	return c.change(c.arg(a, "path"), true, func(d *Directory, rel string) (*Directory, error) {
		return d.copyDirectory(ctx, src, rel, a, granted{owner: owner}) // Dagger ignores permissions here
	})
}

func (c *Container) withSymlink(_ context.Context, a gql.Args) (any, error) {
	return c.change(c.arg(a, "linkName"), false, func(d *Directory, rel string) (*Directory, error) {
		return d.symlink(c.arg(a, "target"), rel), nil
	})
}

func (c *Container) without(_ context.Context, a gql.Args) (any, error) {
	return c.change(c.arg(a, "path"), false, func(d *Directory, rel string) (*Directory, error) { return d.remove(rel), nil })
}

func (c *Container) withoutFiles(_ context.Context, a gql.Args) (any, error) {
	for _, p := range a.Strings("paths") {
		if a.Bool("expand") {
			p = c.expand(p)
		}
		var err error
		if c, err = c.change(p, false, func(d *Directory, rel string) (*Directory, error) { return d.remove(rel), nil }); err != nil {
			return nil, err
		}
	}
	return c, nil
}
