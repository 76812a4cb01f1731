package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// warnings are the warnings of a cache.
type warnings struct {
	mu   sync.Mutex
	said []string
}

func (w *warnings) add(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, err.Error())
}

// cacheIn is the cache of a session in a repository of the registry.
func cacheIn(r *lab.Registry, o registry.Options, w *warnings) *engine.Cache {
	return &engine.Cache{Remote: registry.New(o).Repository(image.Reference{Registry: r.Addr, Repository: "blumeops/cache"}), Warn: w.add}
}

// labRegistry is a registry of the lab.
func labRegistry(t *testing.T, o lab.RegistryOptions) *lab.Registry {
	t.Helper()
	labtest.Need(t, lab.PartRegistry)
	r, err := lab.StartRegistry(context.Background(), lab.Home{}, o)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// on calls do in a session of a daemon with a cache, and writes the cache.
func on(t *testing.T, opts engine.Options, cache *engine.Cache, do func(ctx context.Context, c *dagger.Client)) {
	t.Helper()
	opts.Cache = cache
	s, err := engine.Connect(context.Background(), opts)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	ctx := engine.WithCacheEntry(context.Background(), "test")
	do(ctx, s.Client)
	s.SaveCache(context.Background())
}

// machine is a checkout with the files of a build, at a path of its own, and an engine without any state.
func machine(t *testing.T, program string, files map[string]string) (engine.Options, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "checkout")
	must(t, os.Mkdir(dir, 0o755))
	b, err := os.ReadFile(filepath.Join(program, "program"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "program"), b, 0o755))
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return ownDaemon(t, dir), dir
}

// threeSteps runs the program three times: before the source, with it, and after that. It returns the time at which each ran.
func threeSteps(t *testing.T, ctx context.Context, c *dagger.Client) (ran [3]string) {
	t.Helper()
	host := c.Host().Directory(".", dagger.HostDirectoryOpts{Include: []string{"program", "source"}})
	step := func(c *dagger.Container, n int, args ...string) *dagger.Container {
		return c.WithExec(append([]string{"/program", "now", ">/ran" + string(rune('0'+n))}, args...))
	}
	one := step(c.Container().WithFile("/program", host.File("program")), 1)
	two := step(one.WithFile("/source", host.File("source")), 2, "@/source")
	three := step(two, 3)
	for i, ct := range []*dagger.Container{one, two, three} {
		out, err := ct.Stdout(ctx)
		must(t, err)
		ran[i], _, _ = strings.Cut(out, "\n")
	}
	return ran
}

func TestAFreshEngineRunsOnlyWhatChanged(t *testing.T) {
	program := program(t, printEnv)
	r := labRegistry(t, lab.RegistryOptions{})
	var said warnings
	var first, same, changed [3]string
	a, _ := machine(t, program, map[string]string{"source": "one"})
	on(t, a, cacheIn(r, registry.Options{}, &said), func(ctx context.Context, c *dagger.Client) { first = threeSteps(t, ctx, c) })
	b, _ := machine(t, program, map[string]string{"source": "one"})
	on(t, b, cacheIn(r, registry.Options{}, &said), func(ctx context.Context, c *dagger.Client) { same = threeSteps(t, ctx, c) })
	d, _ := machine(t, program, map[string]string{"source": "two"})
	on(t, d, cacheIn(r, registry.Options{}, &said), func(ctx context.Context, c *dagger.Client) { changed = threeSteps(t, ctx, c) })
	if same != first {
		t.Errorf("a fresh engine ran steps again: %v, then %v", first, same)
	}
	if changed[0] != first[0] || changed[1] == first[1] || changed[2] == first[2] {
		t.Errorf("with another source: %v, then %v", first, changed)
	}
	if len(said.said) > 0 {
		t.Errorf("said %q", said.said)
	}
}
