package objects

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Host is the machine that the session runs on.
type Host struct{ env *Env }

var hostFields = map[string]gql.Resolver{
	"directory": field((*Host).directory),
	"file":      field((*Host).file),
	"findUp":    field((*Host).findUp),
}

func (h *Host) directory(ctx context.Context, a gql.Args) (any, error) {
	p := h.env.hostPath(a.String("path"))
	if info, err := os.Stat(p); err != nil {
		return nil, fmt.Errorf("host directory %s: %w", a.String("path"), err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("path %s is a file, not a directory", a.String("path"))
	}
	if resolved, err := filepath.EvalSymlinks(p); err == nil {
		p = resolved
	}
	var opts []llb.LocalOption
	if in := patterns(a.Strings("include")); len(in) > 0 {
		opts = append(opts, llb.IncludePatterns(in))
	}
	if ex := patterns(a.Strings("exclude")); len(ex) > 0 {
		opts = append(opts, llb.ExcludePatterns(ex))
	}
	d, err := h.local(p, a.Bool("noCache"), opts...)
	if err != nil {
		return nil, err
	}
	d.excluded = patterns(a.Strings("exclude"))
	if a.Bool("gitignore") {
		ignored, err := d.gitignored(ctx)
		if err != nil {
			return nil, err
		}
		if d, err = h.local(p, a.Bool("noCache"), append(opts, llb.ExcludePatterns(append(patterns(a.Strings("exclude")), ignored...)))...); err != nil {
			return nil, err
		}
	}
	if a.Bool("noCache") {
		return gql.Fresh{Value: d}, nil
	}
	return d, nil
}

func (h *Host) local(p string, anew bool, opts ...llb.LocalOption) (*Directory, error) {
	key := ""
	if anew {
		var b [8]byte
		rand.Read(b[:]) // crypto/rand.Read never fails
		key = hex.EncodeToString(b[:])
	}
	st, err := h.env.Solver.Local(p, key, opts...)
	if err != nil {
		return nil, err
	}
	return &Directory{env: h.env, st: st, dir: "/", host: true}, nil
}

func (h *Host) file(_ context.Context, a gql.Args) (any, error) {
	p := h.env.hostPath(a.String("path"))
	base := filepath.Base(p)
	if _, err := os.Stat(filepath.Dir(p)); err != nil {
		return nil, inSpan(fmt.Errorf("failed to get snapshot: failed to snapshot: failed to receive stat message: rpc error: code = NotFound desc = get full root path: rpc error: code = NotFound desc = eval symlinks: %w", lstatError(filepath.Dir(p))))
	}
	info, err := os.Lstat(p)
	switch {
	case err != nil || info.Mode()&os.ModeSymlink != 0:
		// A link is not followed: what it names may lie anywhere.
		return nil, notExist("stat", base)
	case info.IsDir():
		return nil, fmt.Errorf("path %s is a directory, not a file", base)
	}
	d, err := h.local(filepath.Dir(p), a.Bool("noCache"), llb.IncludePatterns([]string{base}))
	if err != nil {
		return nil, err
	}
	f := &File{env: h.env, st: d.st, path: "/" + base}
	if a.Bool("noCache") {
		return gql.Fresh{Value: f}, nil
	}
	return f, nil
}

// lstatError is the error for the first missing folder of p.
func lstatError(p string) error {
	for dir := p; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Dir(dir)); err == nil {
			_, err = os.Lstat(dir)
			return err
		}
	}
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
