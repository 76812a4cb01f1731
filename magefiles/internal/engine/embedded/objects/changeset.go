package objects

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Changeset is the difference between two directories. Files differ if their contents, their targets or their right to be executed do, as for git.
type Changeset struct {
	before, after *Directory

	mu    sync.Mutex
	paths *changedPaths
}

// changedPaths are relative to the directory, in order. Folders end with a slash.
type changedPaths struct {
	added, modified, removed []string
	allRemoved               []string // with those below a removed folder
}

func (p changedPaths) empty() bool { return len(p.added)+len(p.modified)+len(p.removed) == 0 }

var changesetFields = map[string]gql.Resolver{
	"before":        field(func(c *Changeset, _ context.Context, _ gql.Args) (any, error) { return c.before, nil }),
	"after":         field(func(c *Changeset, _ context.Context, _ gql.Args) (any, error) { return c.after, nil }),
	"addedPaths":    changed(func(p *changedPaths) any { return list(p.added) }),
	"modifiedPaths": changed(func(p *changedPaths) any { return list(p.modified) }),
	"removedPaths":  changed(func(p *changedPaths) any { return list(p.removed) }),
	"isEmpty":       changed(func(p *changedPaths) any { return p.empty() }),
	"sync":          changed(func(*changedPaths) any { return nil }),
	"layer":         field(func(c *Changeset, ctx context.Context, _ gql.Args) (any, error) { return c.layer(ctx) }),
	"asPatch":       field((*Changeset).asPatch),
	"diffStats":     field((*Changeset).diffStats),
	"export":        field((*Changeset).export),

	"withChangeset":  field((*Changeset).withChangeset),
	"withChangesets": field((*Changeset).withChangesets),
}

// changed is a resolver that reads the paths.
func changed(f func(*changedPaths) any) gql.Resolver {
	return field(func(c *Changeset, ctx context.Context, _ gql.Args) (any, error) {
		p, err := c.compare(ctx)
		if err != nil {
			return nil, err
		}
		return f(p), nil
	})
}

func (d *Directory) changes(_ context.Context, a gql.Args) (any, error) {
	from, _, err := gql.Object[*Directory](a, "from")
	return &Changeset{before: from, after: d}, err
}

// compare finds the paths, once.
func (c *Changeset) compare(ctx context.Context) (*changedPaths, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paths == nil && c.before == c.after {
		c.paths = &changedPaths{}
	}
	if c.paths != nil {
		return c.paths, nil
	}
	dir, done, err := c.laidOut(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	c.paths, err = compare(filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	return c.paths, err
}

// laidOut is a folder of the host with the two directories as a and b.
func (c *Changeset) laidOut(ctx context.Context) (dir string, done func(), err error) {
	dir, err = os.MkdirTemp(c.after.env.TempDir, "changes-")
	if err != nil {
		return "", nil, err
	}
	done = func() { _ = os.RemoveAll(dir) } // it goes with the session
	for name, d := range map[string]*Directory{"a": c.before, "b": c.after} {
		if err := d.layOut(ctx, filepath.Join(dir, name)); err != nil {
			done()
			return "", nil, err
		}
	}
	return dir, done, nil
}

// layOut writes the directory's files into a new folder of the host. The user may read all files and write to all folders.
func (d *Directory) layOut(ctx context.Context, dir string) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return d.exportOpen(ctx, dir)
}

// exportOpen writes the directory's files into a folder of the host, with the right to read all files and to write to all folders. Root has it anyway.
func (d *Directory) exportOpen(ctx context.Context, dir string) error {
	st := d.rooted().st
	if os.Geteuid() != 0 && st.Output() != nil {
		open := &llb.CopyInfo{CopyDirContentsOnly: true, Mode: &llb.ChmodOpt{ModeStr: "u+rwX"}}
		st = llb.Scratch().File(llb.Copy(st, "/", "/", open), llb.WithCustomName("[internal] readable files"))
	}
	return d.env.Solver.ExportDir(ctx, st, dir, false)
}

// compare compares two folders of the host.
func compare(a, b string) (*changedPaths, error) {
	before, err := listed(a)
	if err != nil {
		return nil, err
	}
	after, err := listed(b)
	if err != nil {
		return nil, err
	}
	p := &changedPaths{}
	for name, now := range after {
		old, ok := before[name]
		switch {
		case !ok:
			p.added = append(p.added, name)
		case !now.IsDir():
			same, err := sameFile(filepath.Join(a, name), filepath.Join(b, name), old, now)
			if err != nil {
				return nil, err
			}
			if !same {
				p.modified = append(p.modified, name)
			}
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			p.removed = append(p.removed, name)
		}
	}
	slices.Sort(p.added)
	slices.Sort(p.modified)
	slices.Sort(p.removed)
	p.allRemoved, p.removed = p.removed, withoutChildren(p.removed)
	return p, nil
}

// withoutChildren leaves out the paths below a folder that is in the list, which is in order.
func withoutChildren(paths []string) []string {
	var out []string
	for _, p := range paths {
		if n := len(out); n == 0 || !strings.HasSuffix(out[n-1], "/") || !strings.HasPrefix(p, out[n-1]) {
			out = append(out, p)
		}
	}
	return out
}

// listed are all files below a folder, by path.
func listed(dir string) (map[string]fs.FileInfo, error) {
	out := map[string]fs.FileInfo{}
	return out, filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if info.IsDir() {
			name += "/"
		}
		out[name] = info
		return err
	})
}

func sameFile(a, b string, before, after fs.FileInfo) (bool, error) {
	const execute = 0o111
	switch {
	case before.Mode().Type() != after.Mode().Type() || before.Mode()&execute != 0 != (after.Mode()&execute != 0):
		return false, nil
	case before.Mode()&fs.ModeSymlink != 0:
		one, err := os.Readlink(a)
		if err != nil {
			return false, err
		}
		two, err := os.Readlink(b)
		return one == two, err
	case !before.Mode().IsRegular():
		return true, nil
	case before.Size() != after.Size():
		return false, nil
	}
	one, err := os.ReadFile(a)
	if err != nil {
		return false, err
	}
	two, err := os.ReadFile(b)
	return bytes.Equal(one, two), err
}

// layer is the directory of the files that were added or modified.
func (c *Changeset) layer(ctx context.Context) (*Directory, error) {
	p, err := c.compare(ctx)
	if err != nil {
		return nil, err
	}
	return c.after.only(slices.Concat(p.added, p.modified)), nil
}

// only is a directory with some of the paths.
func (d *Directory) only(paths []string) *Directory {
	out := &Directory{env: d.env, st: llb.Scratch(), dir: "/", checks: d.checks}
	if len(paths) == 0 {
		return out
	}
	var patterns []string
	for _, p := range paths {
		patterns = append(patterns, literalPattern(strings.TrimSuffix(p, "/")))
	}
	out.st = out.st.File(llb.Copy(d.rooted().st, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true, IncludePatterns: patterns}), llb.WithCustomName("changed files"))
	return out
}

// patch is a patch with the changes.
func (c *Changeset) patch(ctx context.Context) (string, error) {
	dir, done, err := c.laidOut(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return gitremote.Diff(ctx, dir)
}

func (c *Changeset) asPatch(ctx context.Context, _ gql.Args) (any, error) {
	patch, err := c.patch(ctx)
	if err != nil {
		return nil, inSpan(err)
	}
	return c.after.env.newFile(ctx, "diff.patch", []byte(patch), 0o644)
}

// export applies the changes to a folder of the host.
func (c *Changeset) export(ctx context.Context, a gql.Args) (any, error) {
	p, err := c.compare(ctx)
	if err != nil {
		return nil, err
	}
	dest := c.after.env.hostPath(a.String("path"))
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dest) // a link in the folder leads nowhere else
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, name := range p.removed {
		if err := root.RemoveAll(strings.TrimSuffix(name, "/")); err != nil {
			return nil, err
		}
	}
	layer := c.after.only(slices.Concat(p.added, p.modified))
	return dest, c.after.env.Solver.ExportDir(ctx, layer.st, dest, false)
}

func (d *Directory) withChanges(ctx context.Context, a gql.Args) (any, error) {
	c, _, err := gql.Object[*Changeset](a, "changes")
	if err != nil {
		return nil, err
	}
	p, err := c.compare(ctx)
	if err != nil {
		return nil, err
	}
	return d.changedBy(ctx, p.removed, c.after.only(slices.Concat(p.added, p.modified)))
}

// changedBy is the directory without some paths, and with the files of another.
func (d *Directory) changedBy(ctx context.Context, removed []string, layer *Directory) (*Directory, error) {
	for _, name := range removed {
		p := d.at(name)
		d = d.apply("remove "+p, llb.Rm(p, llb.WithAllowNotFound(true)))
	}
	if layer.st.Output() == nil {
		return d, nil
	}
	return d.copyDirectory(ctx, layer, "/", gql.Args{}, granted{})
}
