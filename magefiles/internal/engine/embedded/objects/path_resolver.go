package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	fstypes "github.com/tonistiigi/fsutil/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// changed returns the directory after a file operation that depends on the existing files. The operation is chosen when it is needed: the
// pathResolver solves the state, and runs the commands that make it.
func (d *Directory) changed(name string, choose func(pathResolver) (*llb.FileAction, error)) *Directory {
	base := d.st
	return d.with(base.WithOutput(&chosen{unlocked: d.env.Solver.Unlocked, choose: func(ctx context.Context) (llb.State, error) {
		action, err := choose(pathResolver{ctx: ctx, env: d.env, st: base, top: d.top})
		if err != nil {
			return llb.State{}, err
		}
		return base.File(action, llb.WithCustomName(name)), nil
	}}))
}

// chosen is the output of a state that is only known when it is requested. An error is kept only for the request that caused it.
type chosen struct {
	choose   func(context.Context) (llb.State, error)
	unlocked func(func()) // of the solver that marshals the state

	output atomic.Pointer[llb.State]
	mu     sync.Mutex
	asked  context.Context // of err
	err    error
}

func (c *chosen) get(ctx context.Context) (llb.Output, error) {
	// The choice marshals and solves other states. Later requests must keep the lock: they hold another one, of the op that uses this output.
	if st := c.output.Load(); st != nil {
		return st.Output(), nil
	}
	var err error
	c.unlocked(func() { err = c.resolve(ctx) })
	if err != nil {
		return nil, err
	}
	return c.output.Load().Output(), nil
}

func (c *chosen) resolve(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.output.Load() != nil {
		return nil
	}
	if c.err == nil || c.asked != ctx {
		var st llb.State
		if st, c.err = c.choose(ctx); c.err == nil {
			c.output.Store(&st)
		}
		c.asked = ctx
	}
	return c.err
}

// Vertex implements llb.Output.
func (c *chosen) Vertex(ctx context.Context, constraints *llb.Constraints) llb.Vertex {
	output, err := c.get(ctx)
	if err != nil {
		return &failed{err}
	}
	return output.Vertex(ctx, constraints)
}

// ToInput implements llb.Output.
func (c *chosen) ToInput(ctx context.Context, constraints *llb.Constraints) (*pb.Input, error) {
	output, err := c.get(ctx)
	if err != nil {
		return nil, err
	}
	return output.ToInput(ctx, constraints)
}

// failed is a vertex that could not be chosen.
type failed struct{ err error }

func (f *failed) Validate(context.Context, *llb.Constraints) error { return f.err }
func (f *failed) Output() llb.Output                               { return nil }
func (f *failed) Inputs() []llb.Output                             { return nil }
func (f *failed) Marshal(context.Context, *llb.Constraints) (digest.Digest, []byte, *pb.OpMetadata, []*llb.SourceLocation, error) {
	return "", nil, nil, nil, f.err
}

// pathResolver reads the files of a state.
type pathResolver struct {
	ctx context.Context //nolint:containedctx // of one request, as the pathResolver is
	env *Env
	st  llb.State
	top string // as of a directory
}

// pathInErrors is the path as errors name it.
func (r pathResolver) pathInErrors(p string) string {
	return path.Join("/", strings.TrimPrefix(p, r.top))
}

// stat describes the target of a path, nil for nothing.
func (r pathResolver) stat(p string) (*fstypes.Stat, error) {
	return present(r.env.Solver.Stat(r.ctx, r.st, p))
}

// statStrict is like stat, but a path below a file is an error.
func (r pathResolver) statStrict(p string) (*fstypes.Stat, error) {
	info, err := r.env.Solver.Stat(r.ctx, r.st, p)
	if isBelowFile(err) {
		return nil, inSpan(r.env.firstBelowFile(r.ctx, r.st, p))
	}
	return present(info, err)
}

// lstat describes the entry at a path, without following a link; nil for nothing.
func (r pathResolver) lstat(p string) (*fstypes.Stat, error) {
	return present(r.env.Solver.Lstat(r.ctx, r.st, p))
}

// lstatWithParent is like lstat, and reports whether the folder above exists.
func (r pathResolver) lstatWithParent(p string) (info *fstypes.Stat, above bool, err error) {
	info, err = r.env.Solver.Lstat(r.ctx, r.st, p)
	if errors.Is(err, solver.ErrNoEntry) {
		return nil, true, nil
	}
	if isNotExist(err) {
		return nil, false, nil
	}
	return info, true, err
}

func present(info *fstypes.Stat, err error) (*fstypes.Stat, error) {
	if isNotExist(err) {
		return nil, nil
	}
	return info, err
}

func isLink(info *fstypes.Stat) bool { return fs.FileMode(info.Mode)&fs.ModeSymlink != 0 }

// maxLinks is how many links a path may lead through.
const maxLinks = 255

// realPath is the path without links that a path leads to. The target may be missing, but a path below a file is an error.
func (r pathResolver) realPath(p string) (string, error) {
	done, rest := "/", strings.Split(p, "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		if next == done {
			continue
		}
		info, err := r.env.Solver.Lstat(r.ctx, r.st, next)
		if isBelowFile(err) {
			return "", belowFile(next)
		}
		if info, err = present(info, err); err != nil {
			return "", err
		}
		if info == nil || !isLink(info) {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", inSpan(fmt.Errorf("stat %s: too many levels of symbolic links", p))
		}
		if path.IsAbs(info.Linkname) {
			done = "/"
		}
		rest = append(strings.Split(info.Linkname, "/"), rest...)
	}
	return done, nil
}

// applyOwner gives an existing folder the owner and the mode of another one, or the granted ones.
func (r pathResolver) applyOwner(into folders, st llb.State, like, folder string, g granted) (folders, error) {
	folder, err := r.realPath(folder)
	if err != nil || folder == "/" {
		return into, err
	}
	return into.dressed(st, like, folder, g), nil
}

// checkTarget checks the path to the target folder of a copy. Missing folders are made, and a link that leads nowhere, which is returned, is
// replaced. A file in the path is an error.
func (r pathResolver) checkTarget(folder string) (broken string, err error) {
	if info, err := r.stat(folder); err != nil || (info != nil && info.IsDir()) {
		return "", err
	}
	p := ""
	for name := range strings.SplitSeq(strings.Trim(folder, "/"), "/") {
		p += "/" + name
		info, err := r.lstat(p)
		if err != nil || info == nil {
			return "", err
		}
		if isLink(info) {
			if info, err = r.stat(p); err != nil || info == nil {
				return p, err
			}
		}
		if !info.IsDir() {
			return "", inSpan(fmt.Errorf("cannot copy directory to non-directory %q", r.pathInErrors(p)))
		}
	}
	return "", nil
}

// linked finds the folders of a copy whose target is a link to a folder: their content goes to the target of the link. The paths are relative to
// the copied folder, outer ones first.
func (r pathResolver) linked(src pathResolver, from, to, rel string) ([]string, error) {
	there, err := r.folders(path.Join(to, rel))
	if err != nil || len(there) == 0 {
		return nil, err
	}
	here, err := src.folders(path.Join(from, rel))
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range sortedKeys(here) { // an order of its own would be another operation for BuildKit
		target, ok := there[name]
		if !ok || !here[name].IsDir() {
			continue
		}
		sub := path.Join(rel, name)
		if isLink(target) {
			led, err := r.stat(path.Join(to, sub))
			if err != nil {
				return nil, err
			}
			if led == nil || !led.IsDir() {
				continue
			}
			found = append(found, sub)
		}
		below, err := r.linked(src, from, to, sub)
		if err != nil {
			return nil, err
		}
		found = append(found, below...)
	}
	return found, nil
}

// folders are the folders and links of a folder, by name.
func (r pathResolver) folders(p string) (map[string]*fstypes.Stat, error) {
	list, err := r.env.Solver.ReadDir(r.ctx, r.st, p)
	if err != nil && !isNotExist(err) {
		return nil, err
	}
	out := map[string]*fstypes.Stat{}
	for _, info := range list {
		if info.IsDir() || isLink(info) {
			out[path.Base(info.Path)] = info
		}
	}
	return out, nil
}
