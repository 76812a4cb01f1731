package objects

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// copyOptions are how copies get their owner, nil for the source's, and the argument permissions.
func copyOptions(a gql.Args, owner *ownership) []llb.CopyOption {
	var opts []llb.CopyOption
	if owner != nil {
		opts = append(opts, llb.WithUIDGID(owner.uid, owner.gid))
	}
	if a.Has("permissions") {
		opts = append(opts, llb.ChmodOpt{Mode: permissions(a, 0o644)})
	}
	return opts
}

// ownerArg is the owner that the call names, nil for none. A name is one of the directory's root.
func (d *Directory) ownerArg(ctx context.Context, a gql.Args) (*ownership, error) {
	if a.String("owner") == "" {
		return nil, nil
	}
	o, err := d.env.ownerOf(ctx, d.st, a.String("owner"))
	if err != nil {
		return nil, inSpan(fmt.Errorf("failed to parse ownership %s: %w", a.String("owner"), err))
	}
	return &o, nil
}

// copyFile copies a file to the path given. A path that ends in a slash, or names a folder, is where it goes in.
// Folders that are made on the way belong to root: owner and permissions are the file's alone.
func (d *Directory) copyFile(src *File, given string, opts []llb.CopyOption) (*Directory, error) {
	dest := d.at(given)
	if strings.HasSuffix(given, "/") || strings.HasSuffix(given, "/.") || given == "." || given == "" {
		dest = strings.TrimSuffix(dest, "/") + "/" + src.base()
	}
	from, rename := src.path, src.base() != path.Base(src.path)
	st := src.st
	if rename {
		st = llb.Scratch().File(llb.Copy(st, from, "/"+src.base(), &llb.CopyInfo{FollowSymlinks: true}))
		from = "/" + src.base()
	}
	opts = append([]llb.CopyOption{&llb.CopyInfo{FollowSymlinks: true, CreateDestPath: true, AlwaysReplaceExistingDestPaths: true}}, opts...)
	out := d.apply("copy "+path.Base(dest), copyInto(path.Dir(dest), st, from, dest, opts...))
	out.checks = out.checks.with(src.checks...)
	return out, nil
}

// copyInto is a copy from st to dest, after its folder was made. What a copy makes on the way would get the owner and the mode of
// what is copied.
func copyInto(folder string, st llb.State, from, dest string, opts ...llb.CopyOption) *llb.FileAction {
	return folders{}.made(folder, 0o755, nil).copied(st, from, dest, opts...)
}

// copyDirectory merges src, filtered, into the folder given.
func (d *Directory) copyDirectory(ctx context.Context, src *Directory, given string, a gql.Args, owner *ownership) (*Directory, error) {
	dest := d.at(given)
	info := &llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, AlwaysReplaceExistingDestPaths: true,
		IncludePatterns: patterns(a.Strings("include")), ExcludePatterns: patterns(a.Strings("exclude")),
	}
	if a.Bool("gitignore") {
		ignored, err := src.gitignored(ctx)
		if err != nil {
			return nil, err
		}
		info.ExcludePatterns = append(info.ExcludePatterns, ignored...)
	}
	opts := append([]llb.CopyOption{info}, copyOptions(a, owner)...)
	into := folders{}.made(path.Dir(dest), 0o755, nil)
	switch {
	case (owner != nil || a.Has("permissions") || len(info.IncludePatterns) > 0) && d.existing(ctx, dest) != nil:
		into = into.removed(dest).made(dest, 0o755, nil) // a folder in place of a file has neither
	case len(info.IncludePatterns) > 0:
		into = into.made(dest, permissions(a, 0o755), owner) // nothing may match, and the folder is there all the same
	}
	out := d.apply("copy folder "+dest, into.copied(src.st, src.dir, dest, opts...))
	out.checks = out.checks.with(src.checks...)
	return out, nil
}

// folders is a file action that prepares the place of a copy: one operation with it, so that an image gets one layer.
type folders struct{ action *llb.FileAction }

func (f folders) made(folder string, mode os.FileMode, owner *ownership) folders {
	if folder == "/" {
		return f
	}
	opts := []llb.MkdirOption{llb.WithParents(true)}
	if owner != nil {
		opts = append(opts, llb.WithUIDGID(owner.uid, owner.gid))
	}
	if f.action == nil {
		return folders{llb.Mkdir(folder, mode, opts...)}
	}
	return folders{f.action.Mkdir(folder, mode, opts...)}
}

func (f folders) removed(p string) folders {
	if f.action == nil {
		return folders{llb.Rm(p)}
	}
	return folders{f.action.Rm(p)}
}

func (f folders) copied(st llb.State, from, dest string, opts ...llb.CopyOption) *llb.FileAction {
	if f.action == nil {
		return llb.Copy(st, from, dest, opts...)
	}
	return f.action.Copy(st, from, dest, opts...)
}

// patterns are include or exclude patterns with no trailing slash: BuildKit takes one literally. An empty one is none.
func patterns(in []string) []string {
	out := make([]string, 0, len(in))
	for _, p := range in {
		if p == "" {
			continue
		}
		if t := strings.TrimRight(p, "/"); t != "" {
			p = t
		}
		out = append(out, p)
	}
	return out
}

// overwrite writes a file as it is given, whatever was there: mode and owner are the new ones.
// A path that ends in a slash is a folder, of which the file has the name.
func (d *Directory) overwrite(given string, contents []byte, mode os.FileMode, owner *ownership) *Directory {
	p := d.at(given)
	into := folders{}.made(path.Dir(p), 0o755, nil)
	if slash(given) != "" {
		into = into.made(p, 0o755, owner)
		p = path.Join(p, path.Base(p))
	}
	name := "/" + path.Base(p)
	src := llb.Scratch().File(llb.Mkfile(name, mode, contents), llb.WithCustomNamef("new file %s", p))
	opts := []llb.CopyOption{&llb.CopyInfo{CreateDestPath: true}}
	if owner != nil {
		opts = append(opts, llb.WithUIDGID(owner.uid, owner.gid))
	}
	return d.apply("new file "+p, into.copied(src, name, p, opts...))
}
