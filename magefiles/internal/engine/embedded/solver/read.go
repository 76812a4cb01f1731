package solver

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sys/unix"
)

// chunk is the size of one read of a file: BuildKit's answers are limited to 16 MiB.
const chunk = 4 << 20

// Stat describes the file at p in st, symbolic links followed within st.
func (s *Solver) Stat(ctx context.Context, st llb.State, p string) (*fstypes.Stat, error) {
	ref, err := s.Solve(ctx, st)
	if err != nil {
		return nil, err
	}
	if ref == nil {
		return scratchStat(p)
	}
	return ref.StatFile(ctx, gateway.StatRequest{Path: p})
}

// ErrNoEntry is Lstat's error if the folder above exists and has no such entry.
var ErrNoEntry = fmt.Errorf("no such entry: %w", unix.ENOENT)

// Lstat describes the file at p itself, even if it is a symbolic link. Links in the folders above it are followed.
func (s *Solver) Lstat(ctx context.Context, st llb.State, p string) (*fstypes.Stat, error) {
	p = path.Clean("/" + p)
	if p == "/" {
		return s.Stat(ctx, st, p)
	}
	entries, err := s.readDir(ctx, st, gateway.ReadDirRequest{Path: path.Dir(p), IncludePattern: only(path.Base(p))})
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if path.Base(e.Path) == path.Base(p) {
			return e, nil
		}
	}
	return nil, ErrNoEntry
}

// only is a pattern for one name, "" if there is none.
func only(name string) string {
	if strings.ContainsAny(name, `*?[]\!`) || strings.TrimSpace(name) != name {
		return ""
	}
	return name
}

// ReadDir lists the folder at p, sorted by name.
func (s *Solver) ReadDir(ctx context.Context, st llb.State, p string) ([]*fstypes.Stat, error) {
	return s.readDir(ctx, st, gateway.ReadDirRequest{Path: p})
}

func (s *Solver) readDir(ctx context.Context, st llb.State, of gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	ref, err := s.Solve(ctx, st)
	if err != nil {
		return nil, err
	}
	if ref == nil {
		_, err := scratchStat(of.Path)
		return nil, err
	}
	return ref.ReadDir(ctx, of)
}

// ReadFile returns the whole content of the file at p.
func (s *Solver) ReadFile(ctx context.Context, st llb.State, p string) ([]byte, error) {
	info, err := s.Stat(ctx, st, p)
	if err != nil {
		return nil, err
	}
	ref, err := s.Solve(ctx, st)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, info.Size)
	for int64(len(out)) < info.Size {
		part, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: p, Range: &gateway.FileRange{Offset: len(out), Length: chunk}})
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			break
		}
		out = append(out, part...)
	}
	return out, nil
}

// Walk calls fn for everything below p in st, folders before their content, in the order of their names. name is relative to p.
func (s *Solver) Walk(ctx context.Context, st llb.State, p string, fn func(name string, info *fstypes.Stat) error) error {
	return s.walk(ctx, st, p, "", fn)
}

func (s *Solver) walk(ctx context.Context, st llb.State, root, rel string, fn func(string, *fstypes.Stat) error) error {
	entries, err := s.ReadDir(ctx, st, path.Join(root, rel))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(rel, path.Base(e.Path))
		if err := fn(name, e); err != nil {
			return err
		}
		if e.IsDir() {
			if err := s.walk(ctx, st, root, name, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

func scratchStat(p string) (*fstypes.Stat, error) {
	if path.Clean("/"+p) != "/" {
		return nil, unix.ENOENT
	}
	return &fstypes.Stat{Path: "/", Mode: uint32(0o755) | 1<<31}, nil
}

// CopyFile writes the content of the file at p to w, in parts.
func (s *Solver) CopyFile(ctx context.Context, st llb.State, p string, w io.Writer) error {
	ref, err := s.Solve(ctx, st)
	if err != nil {
		return err
	}
	if ref == nil {
		return unix.ENOENT
	}
	for offset := 0; ; {
		part, err := ref.ReadFile(ctx, gateway.ReadRequest{Filename: p, Range: &gateway.FileRange{Offset: offset, Length: chunk}})
		if err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		if offset += len(part); len(part) < chunk {
			return nil
		}
	}
}
