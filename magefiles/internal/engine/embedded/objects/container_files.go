package objects

import (
	"context"
	"fmt"
	"path"

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

// withFS gives the container with another root file system, and the checks that come with it.
func (c *Container) withFS(d *Directory) *Container {
	out := *c
	out.fs, out.checks, out.imageRef = d.st, d.checks, ""
	return &out
}

// place is where a path of the container is: in its root file system, or in a mounted directory or file.
type place struct {
	dir   *Directory
	rel   string // of the path, in dir
	mount int    // index in mounts, -1 for the root file system
}

// locate finds the place of a path.
func (c *Container) locate(p string) (place, error) {
	p = c.path(p)
	i := c.mountOf(p)
	if i < 0 {
		return place{dir: c.root(), rel: p, mount: -1}, nil
	}
	m := c.mounts[i]
	switch {
	case m.dir != nil:
		d := *m.dir
		d.checks = d.checks.with(c.checks...)
		return place{dir: &d, rel: path.Join("/", p[len(m.target):]), mount: i}, nil
	case m.file != nil:
		return place{dir: &Directory{env: c.env, st: m.file.st, dir: path.Dir(m.file.path), checks: c.checks.with(m.file.checks...)}, rel: path.Base(m.file.path), mount: i}, nil
	}
	return place{}, fmt.Errorf("%s: cannot retrieve path from %s", p, m.kind())
}

// put gives the container with the changed directory back in its place.
func (c *Container) put(pl place, d *Directory) *Container {
	if pl.mount < 0 {
		return c.withFS(d)
	}
	out := *c
	out.mounts = append([]mount(nil), c.mounts...)
	m := &out.mounts[pl.mount]
	if m.dir != nil {
		m.dir = d
	} else {
		f := *m.file
		f.st, f.checks = d.st, d.checks
		m.file = &f
	}
	return &out
}

// change applies a change of the directory that p is in. Where p cannot be changed, that is said when the container is used.
func (c *Container) change(p string, f func(d *Directory, rel string) (*Directory, error)) (any, error) {
	pl, err := c.locate(p)
	if err != nil {
		out := *c
		err = inSpan(fmt.Errorf("failed to locate path %s: %w", c.path(p), err))
		out.checks = c.checks.with(func(context.Context) error { return err })
		return &out, nil
	}
	d, err := f(pl.dir, pl.rel)
	if err != nil {
		return nil, err
	}
	return c.put(pl, d), nil
}

func (c *Container) directory(_ context.Context, a gql.Args) (any, error) {
	given := c.arg(a, "path")
	pl, err := c.locate(given)
	if err != nil {
		return failingDirectory(c, inSpan(err)), nil
	}
	return pl.dir.sub(pl.rel, pl.given(given)), nil
}

// given is how an error names the place: as the caller did; the root of a mount is not looked at.
func (pl place) given(as string) string {
	if pl.rel == "/" {
		return "/"
	}
	return as
}

func failingDirectory(c *Container, err error) *Directory {
	return &Directory{env: c.env, st: llb.Scratch(), dir: "/", checks: c.checks.with(func(context.Context) error { return err })}
}

func (c *Container) file(_ context.Context, a gql.Args) (any, error) {
	given := c.arg(a, "path")
	pl, err := c.locate(given)
	if err != nil {
		err = inSpan(err)
		return &File{env: c.env, st: llb.Scratch(), path: "/", checks: c.checks.with(func(context.Context) error { return err })}, nil
	}
	f := pl.dir.fileAt(pl.rel, inSpan)
	f.checks = pl.dir.checks.with(func(ctx context.Context) error {
		info, err := c.env.stat(ctx, f.st, f.path, given)
		if err == nil && info.IsDir() {
			err = fmt.Errorf("path %s is a directory, not a file", given)
		}
		return inSpan(err)
	})
	return f, nil
}

func (c *Container) exists(ctx context.Context, a gql.Args) (any, error) {
	pl, err := c.locate(c.arg(a, "path"))
	if err != nil {
		return nil, inSpan(err)
	}
	if err := pl.dir.checks.run(ctx); err != nil {
		return nil, err
	}
	return c.env.exists(ctx, pl.dir.st, pl.dir.at(pl.rel), a)
}

func (c *Container) stat(ctx context.Context, a gql.Args) (any, error) {
	pl, err := c.locate(a.String("path"))
	if err != nil {
		return nil, inSpan(err)
	}
	if err := pl.dir.checks.run(ctx); err != nil {
		return nil, err
	}
	return c.env.statPath(ctx, pl.dir.st, pl.dir.at(pl.rel), a)
}

func (c *Container) withNewFile(ctx context.Context, a gql.Args) (any, error) {
	owner, err := c.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	given := c.arg(a, "path")
	return c.change(given, func(d *Directory, rel string) (*Directory, error) {
		return d.overwrite(rel+slash(given), []byte(a.String("contents")), permissions(a, 0o644), owner), nil
	})
}

// ownerArg is the owner that the call names, nil for none. A name is one of the root file system.
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
	given := c.arg(a, "path")
	return c.change(given, func(d *Directory, rel string) (*Directory, error) {
		return d.copyFile(src, rel+slash(given), copyOptions(a, owner))
	})
}

// slash is the trailing slash of p, which path.Join takes away.
func slash(p string) string {
	if len(p) > 1 && p[len(p)-1] == '/' {
		return "/"
	}
	return ""
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
	return c.change(c.arg(a, "path"), func(d *Directory, rel string) (*Directory, error) {
		for _, src := range srcs {
			if d, err = d.copyFile(src, rel+"/", copyOptions(a, owner)); err != nil {
				return nil, err
			}
		}
		return d, nil
	})
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
	return c.change(c.arg(a, "path"), func(d *Directory, rel string) (*Directory, error) {
		return d.copyDirectory(ctx, src, rel, a, owner)
	})
}

func (c *Container) withSymlink(_ context.Context, a gql.Args) (any, error) {
	return c.change(c.arg(a, "linkName"), func(d *Directory, rel string) (*Directory, error) {
		return d.symlink(c.arg(a, "target"), rel), nil
	})
}

func (c *Container) without(_ context.Context, a gql.Args) (any, error) {
	return c.change(c.arg(a, "path"), func(d *Directory, rel string) (*Directory, error) { return d.remove(rel), nil })
}

func (c *Container) withoutFiles(ctx context.Context, a gql.Args) (any, error) {
	out := c
	for _, p := range a.Strings("paths") {
		v, err := out.change(p, func(d *Directory, rel string) (*Directory, error) { return d.remove(rel), nil })
		if err != nil {
			return nil, err
		}
		out = v.(*Container)
	}
	return out, nil
}
