package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

func (d *Directory) withNewFile(_ context.Context, a gql.Args) (any, error) {
	return d.newFile(a.String("path"), []byte(a.String("contents")), permissions(a, 0o644)), nil
}

// newFile writes a file. An existing file gets the contents and keeps its mode and its owner, as with a shell's redirection.
func (d *Directory) newFile(given string, contents []byte, mode os.FileMode) *Directory {
	p := d.at(given)
	return d.changed("new file "+p, func(r pathResolver) (*llb.FileAction, error) {
		info, err := r.statStrict(p)
		if err != nil {
			return nil, err
		}
		var owner []llb.ChownOption
		switch {
		case info == nil:
		case info.IsDir():
			return nil, inSpan(fmt.Errorf("open %s: is a directory", r.pathInErrors(p)))
		case os.FileMode(info.Mode).IsRegular():
			mode = os.FileMode(info.Mode).Perm()
			owner = append(owner, llb.WithUIDGID(int(info.Uid), int(info.Gid)))
		}
		p := p
		var into folders
		if len(contents) > largest {
			if p, err = r.realPath(p); err != nil {
				return nil, err
			}
			into = into.removed(p)
		}
		return r.env.filled(r.ctx, into.made(path.Dir(p), 0o755, nil), p, mode, contents, owner...)
	})
}

func (d *Directory) withNewDirectory(_ context.Context, a gql.Args) (any, error) {
	p := d.at(a.String("path"))
	if d.isTop(p) {
		return d, nil
	}
	return d.apply("new folder "+p, llb.Mkdir(p, permissions(a, 0o755), llb.WithParents(true))), nil
}

func (d *Directory) withFile(ctx context.Context, a gql.Args) (any, error) {
	src, _, err := gql.Object[*File](a, "source")
	if err != nil {
		return nil, err
	}
	owner, err := d.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	return d.copyFile(src, a.String("path"), grants(a, owner)), nil
}

func (d *Directory) withFiles(ctx context.Context, a gql.Args) (any, error) {
	srcs, err := gql.Objects[*File](a, "sources")
	if err != nil {
		return nil, err
	}
	owner, err := d.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, src := range srcs {
		d = d.copyFile(src, path.Join(a.String("path"), src.base()), grants(a, owner))
	}
	return d, nil
}

func (d *Directory) withDirectory(ctx context.Context, a gql.Args) (any, error) {
	src, _, err := gql.Object[*Directory](a, "source")
	if err != nil {
		return nil, err
	}
	owner, err := d.ownerArg(ctx, a)
	if err != nil {
		return nil, err
	}
	return d.copyDirectory(ctx, src, a.String("path"), a, grants(a, owner))
}

func (d *Directory) filter(ctx context.Context, a gql.Args) (any, error) {
	empty := &Directory{env: d.env, st: llb.Scratch(), dir: "/"}
	return empty.copyDirectory(ctx, d, "/", a, granted{})
}

// chown changes the owner of a path and of all files below it. Names are looked up in the directory's root.
func (d *Directory) chown(ctx context.Context, a gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	o, err := d.env.ownerOf(ctx, d.st, a.String("owner"))
	if err != nil {
		return nil, inSpan(fmt.Errorf("failed to parse ownership %s: %w", a.String("owner"), err))
	}
	p, err := (pathResolver{ctx: ctx, env: d.env, st: d.st}).realPath(d.at(a.String("path")))
	if err != nil {
		return nil, inSpan(err)
	}
	info, err := d.env.Solver.Stat(ctx, d.st, p)
	if isNotExist(err) {
		return nil, inSpan(fmt.Errorf("failed to walk %s: %w", p, notExist("lstat", p)))
	}
	if err != nil {
		return nil, err
	}
	owner := llb.WithUIDGID(o.uid, o.gid)
	if p != "/" {
		return d.apply("owner of "+p, llb.Rm(p).Copy(d.st, p, p, &llb.CopyInfo{}, owner)), nil
	}
	const root = "/content"
	st := llb.Scratch().File(llb.Mkdir(root, os.FileMode(info.Mode).Perm(), llb.WithParents(true), owner).
		Copy(d.st, "/", root, &llb.CopyInfo{CopyDirContentsOnly: true}, owner), llb.WithCustomName("owner of /"))
	return &Directory{env: d.env, st: st, dir: root, top: root, checks: d.checks}, nil
}

func (d *Directory) withSymlink(_ context.Context, a gql.Args) (any, error) {
	return d.symlink(a.String("target"), a.String("linkName")), nil
}

func (d *Directory) symlink(target, link string) *Directory {
	p := d.at(link)
	taken := func(ctx context.Context) error {
		if err := d.env.evaluate(ctx, d.st); err != nil {
			return err
		}
		if _, err := d.env.Solver.Lstat(ctx, d.st, p); err == nil {
			return inSpan(fmt.Errorf("symlink %s %s: file exists", target, p))
		}
		return nil
	}
	fa := llb.Symlink(target, p)
	if parent := path.Dir(p); parent != "/" {
		fa = llb.Mkdir(parent, 0o755, llb.WithParents(true)).Symlink(target, p)
	}
	return d.with(d.st.File(fa, llb.WithCustomNamef("symlink %s", p)), taken)
}

func (d *Directory) withTimestamps(_ context.Context, a gql.Args) (any, error) {
	t := time.Unix(int64(a.Int("timestamp")), 0)
	// The files in the folder get the time, the folder itself does not.
	all := &llb.CopyInfo{AllowWildcard: true, AllowEmptyWildcard: true, CreatedTime: &t}
	from := d.rooted() // the path of a part may be a link, or a pattern
	into := folders{}.made(d.dir, 0o755, nil)
	st := llb.Scratch().File(into.copied(from.st, path.Join(from.dir, "*"), strings.TrimSuffix(d.dir, "/")+"/", all), llb.WithCustomNamef("timestamps of %s", d.dir))
	return &Directory{env: d.env, st: st, dir: d.dir, top: d.top, checks: d.checks}, nil
}

func (d *Directory) withError(_ context.Context, a gql.Args) (any, error) {
	return withError(d, a, func() *Directory {
		return d.with(d.st, func(context.Context) error { return errors.New(a.String("err")) })
	}), nil
}

// withError returns self for an empty message, otherwise the object that fails with it.
func withError[T any](self T, a gql.Args, failing func() T) T {
	if a.String("err") == "" {
		return self
	}
	return failing()
}

func (d *Directory) without(_ context.Context, a gql.Args) (any, error) {
	return d.remove(a.String("path")), nil
}

func (d *Directory) withoutFiles(_ context.Context, a gql.Args) (any, error) {
	for _, p := range a.Strings("paths") {
		d = d.remove(p)
	}
	return d, nil
}

func (d *Directory) remove(given string) *Directory {
	p := d.at(given)
	if d.isTop(p) {
		return d.with(d.st, func(context.Context) error {
			return inSpan(errors.New("unlinkat /: device or resource busy"))
		})
	}
	return d.apply("remove "+p, llb.Rm(p, llb.WithAllowNotFound(true), llb.WithAllowWildcard(strings.Contains(p, "*"))))
}
