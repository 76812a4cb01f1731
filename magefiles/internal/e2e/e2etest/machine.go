package e2etest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// NeedRuntime is for tests whose builds run commands.
func NeedRuntime(t testing.TB) {
	t.Helper()
	setup.askRuntime.Do(func() { setup.runtime = NewWorkspace(t).runtimeOfEngine() })
	if setup.runtime == "" {
		testenv.Missing(t, "no OCI runtime: apt-get install runc")
	}
}

// runtimeOfEngine starts the engine that the tests share, and asks it.
func (w *Workspace) runtimeOfEngine() string {
	w.T.Helper()
	w.Mage("engine:up")
	var status struct{ Runtime string }
	if err := json.Unmarshal([]byte(w.Mage("engine:status", "-format=json")), &status); err != nil {
		w.T.Fatal(err)
	}
	return status.Runtime
}

// NeedBase gives the registry that holds a base image of the lab, under the name that it has on the Docker Hub.
func NeedBase(t testing.TB, recipe baseimage.Recipe) (registry, reference string) {
	t.Helper()
	NeedRuntime(t)
	registry, err := setup.shared.have(context.Background(), recipe)
	if err != nil {
		testenv.Missing(t, err)
	}
	return registry, recipe.Reference()
}

// baseImages is a registry of base images that all tests share, and none writes to.
type baseImages struct {
	mu       sync.Mutex
	registry *lab.Registry
	seeded   map[string]error
}

// have puts the image there if it is not yet, and returns the registry's address.
func (s *baseImages) have(ctx context.Context, recipe baseimage.Recipe) (address string, err error) {
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

func (s *baseImages) seed(ctx context.Context, recipe baseimage.Recipe) error {
	layout, err := baseimage.Images{}.Make(ctx, recipe)
	if err != nil {
		return err
	}
	return s.registry.Seed(ctx, recipe.Reference(), layout)
}

func (s *baseImages) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.registry != nil {
		if err := s.registry.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: close the registry of base images:", err)
		}
	}
}

// UseDagger makes the engine a real Dagger, which the environment of the tests names.
func (w *Workspace) UseDagger() { w.Env.useDagger() }

func (e Environ) useDagger() {
	e["BLUMEOPS_ENGINE"] = "dagger"
	e[RunnerHost], e[commandLine] = os.Getenv(RunnerHost), os.Getenv(commandLine)
}

// OwnEngine gives the workspace an engine that no other test uses. What was built for the shared one is not built again.
func (w *Workspace) OwnEngine() {
	w.T.Helper()
	w.Mage("engine:up") // on the shared engine, so that its programs are there
	dir := filepath.Join(w.Dir, "engine")
	bin := filepath.Join(w.Env["BLUMEOPS_ENGINE_STATE"], "bin")
	programs, err := os.ReadDir(bin)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "bin")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			w.T.Fatal(err)
		}
	}
	for _, program := range programs {
		if program.IsDir() {
			continue // sources that one was built from
		}
		link(w.T, filepath.Join(bin, program.Name()), filepath.Join(dir, "bin", program.Name()))
	}
	w.Env["BLUMEOPS_ENGINE_STATE"] = dir
	w.T.Cleanup(func() { w.Mage("engine:down") })
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
