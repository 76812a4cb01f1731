package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Query is the start of every request.
type Query struct{ Env *Env }

var queryFields = map[string]gql.Resolver{
	"version":         field(func(q *Query, _ context.Context, _ gql.Args) (any, error) { return q.Env.Version, nil }),
	"defaultPlatform": field(func(q *Query, _ context.Context, _ gql.Args) (any, error) { return q.Env.platform(), nil }),
	"container":       field(newContainer),
	"directory": field(func(q *Query, _ context.Context, _ gql.Args) (any, error) {
		return &Directory{env: q.Env, st: llb.Scratch(), dir: "/"}, nil
	}),
	"changeset": field(func(q *Query, _ context.Context, _ gql.Args) (any, error) {
		none := &Directory{env: q.Env, st: llb.Scratch(), dir: "/"}
		return &Changeset{before: none, after: none}, nil
	}),
	"file":        field(newFile),
	"http":        field(download),
	"git":         field(newGit),
	"host":        field(func(q *Query, _ context.Context, _ gql.Args) (any, error) { return &Host{env: q.Env}, nil }),
	"secret":      field(newSecret),
	"setSecret":   field(setSecret),
	"cacheVolume": field(newCacheVolume),
	"engine":      field(func(q *Query, _ context.Context, _ gql.Args) (any, error) { return &Engine{env: q.Env}, nil }),
}

func newContainer(q *Query, _ context.Context, a gql.Args) (any, error) {
	p := platforms.Normalize(q.Env.Solver.Platform())
	if s := a.String("platform"); s != "" {
		var err error
		if p, err = platforms.Parse(s); err != nil {
			return nil, fmt.Errorf("platform %q: %w", s, err)
		}
		if strings.Count(s, "/") < 2 { // a variant is not changed
			p = platforms.Normalize(p)
		}
	}
	return &Container{env: q.Env, platform: p, fs: llb.Scratch()}, nil
}

func newFile(q *Query, ctx context.Context, a gql.Args) (any, error) {
	name := a.String("name")
	if strings.Contains(name, "/") {
		return nil, fmt.Errorf("file name %q must not contain a directory", name)
	}
	f, err := q.Env.newFile(ctx, name, []byte(a.String("contents")), permissions(a, 0o644))
	return f, inSpan(err)
}

// newFile is a file in its own folder.
func (e *Env) newFile(ctx context.Context, name string, contents []byte, mode os.FileMode) (*File, error) {
	if strings.Trim(name, "/") == "" || name == "." || name == ".." {
		return nil, errors.New("open /: is a directory")
	}
	action, err := e.filled(ctx, folders{}, "/"+name, mode, contents)
	if err != nil {
		return nil, err
	}
	st := llb.Scratch().File(action, llb.WithCustomNamef("new file %s", name))
	return &File{env: e, st: st, path: "/" + name}, nil
}

// permissions reads the argument of that name, a file mode in bits.
func permissions(a gql.Args, def os.FileMode) os.FileMode {
	if n := a.Int("permissions"); n != 0 {
		return os.FileMode(n) & 0o7777
	}
	return def
}

// CacheVolume is a folder of the daemon that execs can share.
type CacheVolume struct {
	key     string
	owner   string
	sharing string
	source  *Directory
}

func newCacheVolume(_ *Query, _ context.Context, a gql.Args) (any, error) {
	source, _, err := gql.Object[*Directory](a, "source")
	return &CacheVolume{key: a.String("key"), owner: a.String("owner"), sharing: a.String("sharing"), source: source}, err
}

// Engine is the engine itself: its cache can be pruned.
type Engine struct{ env *Env }

// EngineCache is the state that the engine keeps between sessions.
type EngineCache struct{ env *Env }

var engineFields = map[string]gql.Resolver{
	"localCache": field(func(e *Engine, _ context.Context, _ gql.Args) (any, error) { return &EngineCache{env: e.env}, nil }),
}

var engineCacheFields = map[string]gql.Resolver{
	"prune": field(func(c *EngineCache, ctx context.Context, _ gql.Args) (any, error) {
		return nil, c.env.Solver.Prune(ctx)
	}),
}
