package objects

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// Host is the machine that the session runs on.
type Host struct{ env *Env }

var hostFields = map[string]gql.Resolver{
	"directory":  field((*Host).directory),
	"file":       field((*Host).file),
	"findUp":     field((*Host).findUp),
	"unixSocket": field((*Host).unixSocket),
	"service":    field((*Host).service),
	"tunnel":     field((*Host).tunnel),
}

func (h *Host) directory(ctx context.Context, a gql.Args) (any, error) {
	p := h.env.hostPath(a.String("path"))
	p, err := resolved(p)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(p); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("path %s is a file, not a directory", a.String("path"))
	}
	of := solver.Selection{Include: local(a.Strings("include")), Exclude: local(a.Strings("exclude"))}
	read := h.readOnce
	if a.Bool("noCache") {
		read = h.local
	}
	d, err := read(ctx, p, of)
	if err != nil {
		return nil, err
	}
	d.excluded = of.Exclude
	if a.Bool("gitignore") {
		ignored, err := d.gitignored(ctx)
		if err != nil {
			return nil, err
		}
		of.Exclude = slices.Concat(of.Exclude, ignored)
		if d, err = read(ctx, p, of); err != nil {
			return nil, err
		}
	}
	if a.Bool("noCache") {
		return gql.Fresh{Value: d}, nil
	}
	return d, nil
}

// local are the cleaned patterns that concern the content of the folder. A pattern for the folder itself concerns all of its content.
func local(in []string) []string {
	var out []string
	for _, p := range in {
		p, negative := strings.CutPrefix(p, "!")
		if !filepath.IsLocal(p) {
			continue
		}
		if p = filepath.Clean(p); p == "." {
			p = "*"
		}
		if negative {
			p = "!" + p
		}
		out = append(out, p)
	}
	return out
}

// resolved is a path of the host without links. If the target is missing, the error has Dagger's words.
func resolved(p string) (string, error) {
	real, err := filepath.EvalSymlinks(p)
	if err != nil {
		const way = "failed to get snapshot: failed to snapshot: failed to receive stat message: rpc error: code = NotFound desc = get full root path: rpc error: code = NotFound desc = eval symlinks"
		return "", inSpan(fmt.Errorf("%s: %w", way, err))
	}
	return real, nil
}

// local reads the current content of a folder of the host.
func (h *Host) local(ctx context.Context, p string, of solver.Selection) (*Directory, error) {
	st, err := h.env.Solver.Local(ctx, p, of)
	if err != nil {
		return nil, err
	}
	return &Directory{env: h.env, st: st, dir: "/", host: true, hosted: true}, nil
}

func (h *Host) file(ctx context.Context, a gql.Args) (any, error) {
	p := h.env.hostPath(a.String("path"))
	base := filepath.Base(p)
	if _, err := resolved(filepath.Dir(p)); err != nil {
		return nil, err
	}
	info, err := os.Lstat(p)
	switch {
	case err != nil || info.Mode()&os.ModeSymlink != 0:
		// A link is not followed: its target may be anywhere.
		return nil, notExist("stat", base)
	case info.IsDir():
		return nil, fmt.Errorf("path %s is a directory, not a file", base)
	}
	read := h.readOnce
	if a.Bool("noCache") {
		read = h.local
	}
	d, err := read(ctx, filepath.Dir(p), solver.Selection{Include: []string{base}})
	if err != nil {
		return nil, err
	}
	f := &File{env: h.env, st: d.st, hosted: true, path: "/" + base}
	if a.Bool("noCache") {
		return gql.Fresh{Value: f}, nil
	}
	return f, nil
}

func (h *Host) findUp(_ context.Context, a gql.Args) (any, error) {
	for dir := h.env.Workdir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, a.String("name"))); err == nil {
			rel, err := filepath.Rel(h.env.Workdir, filepath.Join(dir, a.String("name")))
			return rel, err
		}
		if dir == filepath.Dir(dir) {
			return nil, nil
		}
	}
}
