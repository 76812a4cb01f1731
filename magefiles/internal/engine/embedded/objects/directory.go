package objects

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"
	fstypes "github.com/tonistiigi/fsutil/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Directory is a folder of a state.
type Directory struct {
	env    *Env
	st     llb.State
	dir    string // absolute in st
	top    string // the folder of st that is the directory's root, "" for the root of st: paths do not lead out of it
	checks checks
	// excluded are the patterns with which the host directory was filtered.
	excluded []string
	host     bool // it is a whole host directory without changes
	hosted   bool // st is a host directory as it was read: a source of this session
}

var directoryFields = map[string]gql.Resolver{
	"directory":        field((*Directory).directory),
	"file":             field((*Directory).file),
	"entries":          field((*Directory).entries),
	"glob":             field((*Directory).glob),
	"name":             field((*Directory).name),
	"exists":           field((*Directory).exists),
	"stat":             field((*Directory).stat),
	"digest":           field((*Directory).digest),
	"sync":             field(func(d *Directory, ctx context.Context, _ gql.Args) (any, error) { return nil, d.ready(ctx) }),
	"export":           field((*Directory).export),
	"diff":             field((*Directory).diff),
	"filter":           field((*Directory).filter),
	"findUp":           field((*Directory).findUp),
	"dockerBuild":      field((*Directory).dockerBuild),
	"withNewFile":      field((*Directory).withNewFile),
	"withNewDirectory": field((*Directory).withNewDirectory),
	"withFile":         field((*Directory).withFile),
	"withFiles":        field((*Directory).withFiles),
	"withDirectory":    field((*Directory).withDirectory),
	"withSymlink":      field((*Directory).withSymlink),
	"withTimestamps":   field((*Directory).withTimestamps),
	"withError":        field((*Directory).withError),
	"withoutFile":      field((*Directory).without),
	"withoutDirectory": field((*Directory).without),
	"withoutFiles":     field((*Directory).withoutFiles),
	"chown":            field((*Directory).chown),
	"asGit":            field((*Directory).asGit),
	"search":           field((*Directory).search),
	"terminal":         field((*Directory).openTerminal),
	"changes":          field((*Directory).changes),
	"withChanges":      field((*Directory).withChanges),
	"withPatch":        field((*Directory).withPatch),
	"withPatchFile":    field((*Directory).withPatchFile),
}

// at returns the path of p in the state. Going up ends at the root.
func (d *Directory) at(p string) string {
	return path.Join("/", d.top, path.Join("/", strings.TrimPrefix(d.dir, d.top), p))
}

// isTop reports whether a path in the state is the directory's root.
func (d *Directory) isTop(p string) bool { return p == path.Join("/", d.top) }

// with returns the directory after an operation on its state.
func (d *Directory) with(st llb.State, more ...func(context.Context) error) *Directory {
	return &Directory{env: d.env, st: st, dir: d.dir, top: d.top, checks: d.checks.with(more...)}
}

// file applies a file operation.
func (d *Directory) apply(name string, a *llb.FileAction) *Directory {
	return d.with(d.st.File(a, llb.WithCustomName(name)))
}

// ready makes the directory's state, after the checks.
func (d *Directory) ready(ctx context.Context) error {
	if err := d.checks.run(ctx); err != nil {
		return err
	}
	return d.env.evaluate(ctx, d.st)
}

// sub returns a folder of the directory; its type is checked when it is used. given is the caller's name for it.
func (d *Directory) sub(p, given string) *Directory {
	out := *d
	out.dir = d.at(p)
	if strings.Trim(path.Clean("/"+given), "/") == "" {
		return &out
	}
	out.checks = d.checks.with(func(ctx context.Context) error {
		if err := d.env.evaluate(ctx, d.st); err != nil {
			return err
		}
		info, err := d.env.stat(ctx, d.st, out.dir, given)
		switch {
		case err == nil && !info.IsDir():
			err = fmt.Errorf("path %s is a file, not a directory", given)
		case isBelowFile(err):
			err = belowFile(given)
		}
		if err != nil && d.host {
			err = fmt.Errorf("failed to make directory content hashed: %w", err)
		}
		return inSpan(err)
	})
	out.host, out.excluded = false, nil // the patterns were those of the whole
	return &out
}

func (d *Directory) directory(_ context.Context, a gql.Args) (any, error) {
	return d.sub(a.String("path"), a.String("path")), nil
}

func (d *Directory) file(_ context.Context, a gql.Args) (any, error) {
	return d.fileAt(a.String("path"), func(err error) error { return err }), nil
}

func (d *Directory) fileAt(given string, wrap func(error) error) *File {
	p := d.at(given)
	if given == "" {
		return &File{env: d.env, st: d.st, hosted: d.hosted, path: p, checks: d.checks.with(func(context.Context) error { return wrap(notExist("stat", given)) })}
	}
	return &File{env: d.env, st: d.st, hosted: d.hosted, path: p, checks: d.checks.with(func(ctx context.Context) error {
		info, err := d.env.stat(ctx, d.st, p, given)
		if err == nil && info.IsDir() {
			err = fmt.Errorf("path %s is a directory, not a file", given)
		}
		return wrap(err)
	})}
}

func (d *Directory) entries(ctx context.Context, a gql.Args) (any, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	p := d.at(a.String("path"))
	list, err := d.env.Solver.ReadDir(ctx, d.st, p)
	if isNotExist(err) || (err != nil && strings.Contains(err.Error(), "not a dir")) {
		return nil, d.notAFolder(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, e := range list {
		out = append(out, entryName(path.Base(e.Path), e))
	}
	return out, nil
}

// notAFolder returns the error for a path that cannot be listed.
func (d *Directory) notAFolder(ctx context.Context, p string) error {
	_, err := d.env.Solver.Stat(ctx, d.st, p)
	switch {
	case err == nil:
		return fmt.Errorf("open %s: not a directory", p)
	case isBelowFile(err):
		return d.env.firstBelowFile(ctx, d.st, p)
	}
	return notExist("open", p)
}

func entryName(name string, e *fstypes.Stat) string {
	if e.IsDir() {
		return name + "/"
	}
	return name
}

func (d *Directory) name(_ context.Context, _ gql.Args) (any, error) {
	if d.isTop(d.dir) {
		return "/", nil
	}
	return path.Base(d.dir) + "/", nil
}

func (d *Directory) exists(ctx context.Context, a gql.Args) (any, error) {
	if err := d.checks.run(ctx); err != nil {
		return nil, err
	}
	return d.env.exists(ctx, d.st, d.at(a.String("path")), a.String("path"), a)
}

func (d *Directory) stat(ctx context.Context, a gql.Args) (any, error) {
	if err := d.checks.run(ctx); err != nil {
		return nil, err
	}
	return d.env.statPath(ctx, d.st, d.at(a.String("path")), a.String("path"), !a.Bool("doNotFollowSymlinks"))
}

func (d *Directory) findUp(ctx context.Context, a gql.Args) (any, error) {
	name, start := a.String("name"), path.Clean(first(a.String("start"), "."))
	switch {
	case name == "":
		return nil, errors.New("name cannot be empty")
	case strings.HasPrefix(start, "../"):
		return nil, fmt.Errorf("cannot search outside parent: %s", start)
	}
	for p := start; ; p = path.Dir(p) {
		// A missing folder may be left with .., but not in a directory of the host.
		err := d.sub(p, p).checks.run(ctx)
		if err != nil && (d.host || !isMissing(err)) {
			return nil, err
		}
		if err == nil {
			found := path.Join(p, name)
			_, err := d.env.statPath(ctx, d.st, d.at(found), found, false)
			if err == nil {
				return found, nil
			} else if !isMissing(err) {
				return nil, err
			}
		}
		if p == path.Dir(p) {
			return nil, nil
		}
	}
}

func (d *Directory) diff(_ context.Context, a gql.Args) (any, error) {
	other, _, err := gql.Object[*Directory](a, "other")
	if err != nil {
		return nil, err
	}
	return &Directory{env: d.env, st: llb.Diff(d.rooted().st, other.rooted().st), dir: "/", checks: d.checks.with(other.checks...)}, nil
}

// rooted returns the directory as the root of a state.
func (d *Directory) rooted() *Directory {
	if d.dir == "/" {
		return d
	}
	return d.copied()
}

// copied returns a copy of the directory, as the root of its own state. If the directory is a link to a folder, the copy has that folder's
// content.
func (d *Directory) copied() *Directory {
	st := llb.Scratch().File(llb.Copy(d.st, d.dir, "/", &llb.CopyInfo{FollowSymlinks: true, CopyDirContentsOnly: true}), llb.WithCustomNamef("copy %s", d.dir))
	return &Directory{env: d.env, st: st, dir: "/", checks: d.checks}
}
