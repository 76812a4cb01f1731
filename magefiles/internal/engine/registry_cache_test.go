package engine_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
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

// on calls do in a session of a daemon that reads an entry of a cache.
func on(t *testing.T, opts engine.Options, entry string, cache *engine.Cache, do func(ctx context.Context, c *dagger.Client)) {
	t.Helper()
	with(t, opts, entry, cache, func(ctx context.Context, s *engine.Session) { do(ctx, s.Client) })
}

// saving is the same, and writes the entry.
func saving(t *testing.T, opts engine.Options, entry string, cache *engine.Cache, do func(ctx context.Context, c *dagger.Client)) {
	t.Helper()
	with(t, opts, entry, cache, func(ctx context.Context, s *engine.Session) { do(ctx, s.Client); s.SaveCache(ctx) })
}

func with(t *testing.T, opts engine.Options, entry string, cache *engine.Cache, do func(ctx context.Context, s *engine.Session)) {
	t.Helper()
	opts.Cache = cache
	ctx, cancel := context.WithTimeout(engine.WithCacheEntry(context.Background(), entry), 10*waitTime) // a failure does not hang
	defer cancel()
	s, err := engine.Connect(context.Background(), opts)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	do(ctx, s)
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
	return enginetest.Fresh(t, dir), dir
}

// threeSteps runs the program three times: before the source, with it, and after that. It returns the time at which each ran.
func threeSteps(t *testing.T, ctx context.Context, c *dagger.Client, nonce string) (ran [3]string) {
	t.Helper()
	host := c.Host().Directory(".", dagger.HostDirectoryOpts{Include: []string{"program", "source"}})
	step := func(c *dagger.Container, n int, args ...string) *dagger.Container {
		return c.WithExec(append([]string{"/program", "now", ">/ran" + string(rune('0'+n))}, args...))
	}
	one := step(c.Container().WithEnvVariable("NONCE", nonce).WithFile("/program", host.File("program")), 1)
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
	cache := cacheIn(r, registry.Options{}, &said)
	a, _ := machine(t, program, map[string]string{"source": "one"})
	saving(t, a, "three", cache, func(ctx context.Context, c *dagger.Client) { first = threeSteps(t, ctx, c, "") })
	b, dir := machine(t, program, map[string]string{"source": "one"})
	on(t, b, "three", cache, func(ctx context.Context, c *dagger.Client) { same = threeSteps(t, ctx, c, "") })
	must(t, os.WriteFile(filepath.Join(dir, "source"), []byte("two"), 0o644))
	d := enginetest.Fresh(t, dir)
	saving(t, d, "three", cache, func(ctx context.Context, c *dagger.Client) { changed = threeSteps(t, ctx, c, "") })
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

// A session that only reads makes no request that writes, and a request without an entry makes none at all.
func TestReadingDoesNotWrite(t *testing.T) {
	program := program(t, printEnv)
	opts, _ := machine(t, program, map[string]string{"source": "one"})
	r := labRegistry(t, lab.RegistryOptions{})
	var said warnings
	on(t, opts, "entry", cacheIn(r, registry.Options{}, &said), func(ctx context.Context, c *dagger.Client) {
		threeSteps(t, context.WithoutCancel(t.Context()), c, rand.Text())
		if n := len(r.Requests()); n > 0 {
			t.Errorf("%d requests for a build without an entry", n)
		}
		threeSteps(t, ctx, c, rand.Text())
	})
	for _, q := range r.Requests() {
		if q.Method != http.MethodGet && q.Method != http.MethodHead {
			t.Errorf("%s %s", q.Method, q.Path)
		}
	}
	if len(said.said) > 0 || len(r.Requests()) == 0 {
		t.Errorf("%d requests, said %q", len(r.Requests()), said.said)
	}
}

// The cache holds no secret: neither values that steps get, nor the account of the registry, nor the content of cache volumes.
func TestTheCacheHoldsNoSecret(t *testing.T) {
	program := program(t, printEnv)
	opts, _ := machine(t, program, nil)
	canaries := map[string]string{"variable": "canary-" + rand.Text(), "file": "canary-" + rand.Text(), "account": "canary-" + rand.Text(), "volume": "canary-" + rand.Text()}
	home := t.TempDir()
	r, err := lab.StartRegistry(context.Background(), lab.Home{Dir: home}, lab.RegistryOptions{Users: map[string]string{"ci": canaries["account"]}})
	must(t, err)
	defer func() { must(t, r.Close()) }()
	var said warnings
	account := registry.Options{Credentials: func(context.Context, string) (string, string, bool, error) {
		return "ci", canaries["account"], true, nil
	}}
	cached := func(ctx context.Context, c *dagger.Client) {
		_, err := c.Container().WithFile("/program", c.Host().File("program")).WithEnvVariable("NONCE", rand.Text()).
			WithSecretVariable("TOKEN", c.SetSecret("variable", canaries["variable"])).
			WithMountedSecret("/run/token", c.SetSecret("file", canaries["file"])).
			WithMountedCache("/volume", c.CacheVolume(rand.Text())).
			WithExec([]string{"/program", "$TOKEN", "@/run/token", "now", ">/ran"}).
			WithExec([]string{"/program", "seen"}, dagger.ContainerWithExecOpts{RedirectStdout: "/volume/f"}).
			WithoutMount("/volume").Stdout(ctx)
		must(t, err)
	}
	saving(t, opts, "entry", cacheIn(r, account, &said), cached)
	if len(said.said) > 0 {
		t.Fatalf("said %q", said.said)
	}
	layers := 0
	must(t, filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) != "data" {
			return err
		}
		raw, err := os.ReadFile(path)
		must(t, err)
		text := string(raw)
		if z, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			unpacked, err := io.ReadAll(z)
			must(t, err)
			text += string(unpacked)
			layers++
		}
		for what, canary := range canaries {
			if strings.Contains(text, canary) {
				t.Errorf("%s has the canary of the %s", path, what)
			}
		}
		return nil
	}))
	if layers < 2 {
		t.Errorf("found %d layers in the storage of the registry", layers)
	}
}
