package objects

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// largest bounds the contents that are part of an operation. BuildKit takes definitions of up to 16 MiB, which may have several operations.
const largest = 1 << 20

// filled adds a file with contents to an action. If they are large, the path must lead through no link, and nothing may be there.
func (e *Env) filled(ctx context.Context, into folders, p string, mode os.FileMode, contents []byte, owner ...llb.ChownOption) (*llb.FileAction, error) {
	if len(contents) <= largest {
		opts := make([]llb.MkfileOption, len(owner))
		for i, o := range owner {
			opts[i] = o
		}
		if into.action == nil {
			return llb.Mkfile(p, mode, contents, opts...), nil
		}
		return into.action.Mkfile(p, mode, contents, opts...), nil
	}
	sent, err := e.upload(ctx, func(dir string) error { return os.WriteFile(filepath.Join(dir, "0"), contents, 0o600) })
	opts := []llb.CopyOption{&llb.CopyInfo{Mode: &llb.ChmodOpt{Mode: mode}}}
	for _, o := range owner {
		opts = append(opts, o)
	}
	return into.copied(sent, "/0", p, opts...), err
}

// upload is a folder of the host that fill fills. BuildKit gets it when it needs it.
func (e *Env) upload(ctx context.Context, fill func(dir string) error) (llb.State, error) {
	dir, err := os.MkdirTemp(e.TempDir, "contents-") // it goes with the session
	if err != nil {
		return llb.State{}, err
	}
	if err := fill(dir); err != nil {
		return llb.State{}, err
	}
	return e.Solver.Local(ctx, dir, solver.Selection{}, llb.WithCustomName("upload contents"))
}

// uploaded are the regular files of a folder of the host, by the numbers of their names.
func (e *Env) uploaded(ctx context.Context, dir string, names []string) (llb.State, error) {
	return e.upload(ctx, func(into string) error {
		for i, name := range names {
			file := filepath.Join(dir, name)
			info, err := os.Lstat(file)
			if err != nil {
				return err
			}
			if !info.Mode().IsRegular() {
				continue
			}
			if err := os.Link(file, filepath.Join(into, fmt.Sprint(i))); err != nil {
				return err
			}
		}
		return nil
	})
}

// sizeOf is the size of the regular files.
func sizeOf(dir string, names []string) (total int64, err error) {
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			return 0, err
		}
		if info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	return total, nil
}
