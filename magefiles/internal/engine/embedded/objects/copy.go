package objects

import (
	"context"
	"os"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// copyOptions reads the arguments owner and permissions.
func copyOptions(a gql.Args) []llb.CopyOption {
	var opts []llb.CopyOption
	if o := a.String("owner"); o != "" {
		opts = append(opts, llb.WithUser(o))
	}
	if a.Has("permissions") {
		opts = append(opts, llb.ChmodOpt{Mode: permissions(a, 0o644)})
	}
	return opts
}

// copyFile copies a file to the path given. A path that ends in a slash, or names a folder, is where it goes in.
func (d *Directory) copyFile(src *File, given string, opts []llb.CopyOption) (*Directory, error) {
	dest := d.at(given)
	if strings.HasSuffix(given, "/") || strings.HasSuffix(given, "/.") || given == "." || given == "" {
		dest = strings.TrimSuffix(dest, "/") + "/" + src.base()
	}
	from, rename := src.path, src.base() != path.Base(src.path)
	st := src.st
	if rename {
		st = llb.Scratch().File(llb.Copy(copySource(st), from, "/"+src.base(), &llb.CopyInfo{FollowSymlinks: true}))
		from = "/" + src.base()
	}
	opts = append([]llb.CopyOption{&llb.CopyInfo{FollowSymlinks: true, CreateDestPath: true}}, opts...)
	out := d.apply("copy "+path.Base(dest), llb.Copy(copySource(st), from, dest, opts...))
	out.checks = out.checks.with(src.checks...)
	return out, nil
}

// copyDirectory merges src, filtered, into the folder given.
func (d *Directory) copyDirectory(ctx context.Context, src *Directory, given string, a gql.Args) (*Directory, error) {
	dest := d.at(given)
	info := &llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true,
		IncludePatterns: patterns(a.Strings("include")), ExcludePatterns: patterns(a.Strings("exclude")),
	}
	if a.Bool("gitignore") {
		ignored, err := src.gitignored(ctx)
		if err != nil {
			return nil, err
		}
		info.ExcludePatterns = append(info.ExcludePatterns, ignored...)
	}
	opts := append([]llb.CopyOption{info}, copyOptions(a)...)
	var fa *llb.FileAction
	if dest != "/" && len(info.IncludePatterns) > 0 {
		// Nothing may match, and the folder is there all the same.
		fa = llb.Mkdir(dest, 0o755, llb.WithParents(true)).Copy(copySource(src.st), src.dir, dest, opts...)
	} else {
		fa = llb.Copy(copySource(src.st), src.dir, dest, opts...)
	}
	out := d.apply("copy folder "+dest, fa)
	out.checks = out.checks.with(src.checks...)
	return out, nil
}

// patterns are include or exclude patterns with no trailing slash: BuildKit takes one literally.
func patterns(in []string) []string {
	out := make([]string, 0, len(in))
	for _, p := range in {
		if t := strings.TrimRight(p, "/"); t != "" {
			p = t
		}
		out = append(out, p)
	}
	return out
}

// overwrite writes a file as it is given, whatever was there: mode and owner are the new ones.
func (d *Directory) overwrite(given string, contents []byte, mode os.FileMode, owner string) *Directory {
	p := d.at(given)
	name := "/" + path.Base(p)
	src := llb.Scratch().File(llb.Mkfile(name, mode, contents), llb.WithCustomNamef("new file %s", p))
	opts := []llb.CopyOption{&llb.CopyInfo{CreateDestPath: true}}
	if owner != "" {
		opts = append(opts, llb.WithUser(owner))
	}
	return d.apply("new file "+p, llb.Copy(copySource(src), name, p, opts...))
}
