package objects

import (
	"context"
	"io/fs"
	"path"

	"github.com/moby/buildkit/client/llb"
	fstypes "github.com/tonistiigi/fsutil/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Stat describes a file.
type Stat struct {
	name string
	info *fstypes.Stat
}

var statFields = map[string]gql.Resolver{
	"name":        field(func(s *Stat, _ context.Context, _ gql.Args) (any, error) { return s.name, nil }),
	"size":        field(func(s *Stat, _ context.Context, _ gql.Args) (any, error) { return s.info.Size, nil }),
	"permissions": field(func(s *Stat, _ context.Context, _ gql.Args) (any, error) { return int(s.info.Mode & 0o777), nil }),
	"fileType":    field(func(s *Stat, _ context.Context, _ gql.Args) (any, error) { return fileType(s.info), nil }),
}

// fileType names the type of a file as the API's enum FileType does.
func fileType(info *fstypes.Stat) string {
	m := fs.FileMode(info.Mode)
	switch {
	case m.IsDir():
		return "DIRECTORY"
	case m&fs.ModeSymlink != 0:
		return "SYMLINK"
	case m.IsRegular():
		return "REGULAR"
	}
	return "UNKNOWN"
}

// statName is the name of the file that a path leads to: for a link, that of its target.
func statName(p string, info *fstypes.Stat) string {
	if path.Clean(p) == "/" {
		return "/"
	}
	return path.Base(info.Path)
}

// statPath answers the field stat of directories and containers. A link is followed, unless the call disables it.
func (e *Env) statPath(ctx context.Context, st llb.State, p, given string, follow bool) (*Stat, error) {
	if given == "" {
		return nil, notExist("stat", given)
	}
	if follow {
		info, err := e.stat(ctx, st, p, given)
		if err != nil {
			return nil, err
		}
		return &Stat{name: statName(p, info), info: info}, nil
	}
	if err := e.evaluate(ctx, st); err != nil {
		return nil, err
	}
	info, err := e.Solver.Lstat(ctx, st, p)
	switch {
	case isBelowFile(err):
		return nil, e.firstBelowFile(ctx, st, p)
	case isNotExist(err):
		return nil, notExist("stat", given)
	case err != nil:
		return nil, err
	}
	return &Stat{name: path.Base(p), info: info}, nil
}

// exists answers the field exists of directories and containers.
func (e *Env) exists(ctx context.Context, st llb.State, p, given string, a gql.Args) (any, error) {
	want := a.String("expectedType")
	info, err := e.statPath(ctx, st, p, given, !a.Bool("doNotFollowSymlinks") && want != "SYMLINK_TYPE")
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return nil, err
	}
	return want == "" || want == fileType(info.info)+"_TYPE", nil
}
