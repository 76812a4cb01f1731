package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// lack ends a test because of what this machine has not: outside CI it is left out, in CI it fails.
func lack(t testing.TB, why any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// needRuntime is for tests whose builds run commands.
func needRuntime(t testing.TB) {
	t.Helper()
	enginetest.NeedsRuntime(t, enginetest.Options(t, setup.root))
}

// needBase gives the registry that holds a base image of the lab, under the name that it has on the Docker Hub.
func needBase(t testing.TB, recipe baseimage.Recipe) (registry, reference string) {
	t.Helper()
	needRuntime(t)
	registry, err := setup.shared.have(context.Background(), recipe)
	if err != nil {
		lack(t, err)
	}
	return registry, recipe.Reference()
}

// shelf is a registry of base images that all tests share, and none writes to.
type shelf struct {
	mu       sync.Mutex
	registry *lab.Registry
	seeded   map[string]error
}

// have puts the image there if it is not yet, and returns the registry's address.
func (s *shelf) have(ctx context.Context, recipe baseimage.Recipe) (address string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registry == nil {
		if s.registry, err = lab.StartRegistry(ctx, lab.Home{}, lab.RegistryOptions{}); err != nil {
			return "", err
		}
		s.seeded = map[string]error{}
	}
	if _, done := s.seeded[recipe.Reference()]; !done {
		s.seeded[recipe.Reference()] = s.seed(ctx, recipe)
	}
	return s.registry.Addr, s.seeded[recipe.Reference()]
}

func (s *shelf) seed(ctx context.Context, recipe baseimage.Recipe) error {
	layout, err := baseimage.Images{}.Make(ctx, recipe)
	if err != nil {
		return err
	}
	return s.registry.Seed(ctx, recipe.Reference(), layout)
}

func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registry != nil {
		if err := s.registry.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: close the registry of base images:", err)
		}
	}
}

// useDagger makes the engine a real Dagger, which the environment of the tests names.
func (w *world) useDagger() { w.env.useDagger() }

func (e environ) useDagger() {
	e["BLUMEOPS_ENGINE"] = "dagger"
	e[runnerHost], e[commandLine] = os.Getenv(runnerHost), os.Getenv(commandLine)
}

// ownEngine gives the world an engine that no other test uses. What was built for the shared one is not built again.
func (w *world) ownEngine() {
	w.t.Helper()
	w.mage("engine:up") // on the shared engine, so that its programs are there
	dir := filepath.Join(w.work, "engine")
	bin := filepath.Join(w.env["BLUMEOPS_ENGINE_STATE"], "bin")
	programs, err := os.ReadDir(bin)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "bin")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, program := range programs {
		link(w.t, filepath.Join(bin, program.Name()), filepath.Join(dir, "bin", program.Name()))
	}
	w.env["BLUMEOPS_ENGINE_STATE"] = dir
	w.t.Cleanup(func() { w.mage("engine:down") })
}

// link makes a hard link, or a copy where the file system has none.
func link(t testing.TB, from, to string) {
	t.Helper()
	if os.Link(from, to) == nil {
		return
	}
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}
