package objects

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

func (d *Directory) withPatch(ctx context.Context, a gql.Args) (any, error) {
	return d.patched(ctx, a.String("patch"))
}

func (d *Directory) withPatchFile(ctx context.Context, a gql.Args) (any, error) {
	f, _, err := gql.Object[*File](a, "patch")
	if err != nil {
		return nil, err
	}
	patch, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	return d.patched(ctx, string(patch))
}

// patched is the directory with a patch applied, by git on the host. Only the files that it changes come back from there.
func (d *Directory) patched(ctx context.Context, patch string) (any, error) {
	c := &Changeset{before: d, after: d}
	dir, done, err := c.laidOut(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	tree := filepath.Join(dir, "b")
	if err := gitremote.Apply(ctx, tree, patch); err != nil {
		return nil, inSpan(err)
	}
	return d.as(ctx, filepath.Join(dir, "a"), tree)
}

// as is the directory with the changes between two folders of the host, of which the first is the directory.
func (d *Directory) as(ctx context.Context, before, tree string) (*Directory, error) {
	p, err := compare(before, tree)
	if err != nil || p.empty() {
		return d, err
	}
	var all folders
	for _, name := range p.removed {
		all = all.removed(d.at(name))
	}
	names := slices.Concat(p.added, p.modified)
	size, err := sizeOf(tree, names)
	if err != nil {
		return nil, err
	}
	var sent llb.State
	if size > largest {
		if sent, err = d.env.uploaded(ctx, tree, names); err != nil {
			return nil, err
		}
	}
	for i, name := range names {
		if all, err = all.written(filepath.Join(tree, name), d.at(name), sent, i); err != nil {
			return nil, err
		}
	}
	return d.apply("patch", all.action), nil
}

// written writes a file of the host to the path p. If files were sent, its contents are in the one with that number. Existing folders keep their
// attributes.
func (f folders) written(file, p string, sent llb.State, number int) (folders, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return f, err
	}
	if info.IsDir() {
		return f.made(p, info.Mode().Perm(), nil), nil
	}
	into := f.removed(p).made(path.Dir(p), 0o755, nil).action
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(file)
		return folders{into.Symlink(target, p)}, err
	}
	if sent.Output() != nil {
		return folders{into.Copy(sent, fmt.Sprint("/", number), p, &llb.CopyInfo{Mode: &llb.ChmodOpt{Mode: info.Mode().Perm()}})}, nil
	}
	content, err := os.ReadFile(file)
	return folders{into.Mkfile(p, info.Mode().Perm(), content)}, err
}
