package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// lines collects progress.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

func (l *lines) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.all, "\n"), part)
}

// built builds the programs of an engine once for all tests, in a folder that later runs find again. It returns their paths.
var built = sync.OnceValues(func() (paths []string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	opts := Options{ModulesDir: modules(), StateDir: filepath.Join(cache, "blumeops", "engine-test")}.withDefaults()
	programs := []toolbuild.Program{buildkitd}
	if os.Geteuid() != 0 && !opts.singleUser() {
		programs = append(programs, rootlesskit, usernet)
	}
	for _, p := range programs {
		path, err := opts.builder().Build(context.Background(), p)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
})

func modules() string {
	dir, err := filepath.Abs("modules")
	if err != nil {
		panic(err)
	}
	return dir
}

// newOptions returns the options of the test's own engine, with buildkitd built. The engine is stopped at the end.
func newOptions(t *testing.T) (Options, *lines) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts BuildKit daemons; run without -short")
	}
	if os.Geteuid() != 0 && !userNamespaces(systemDirs) {
		testenv.Missing(t, errNoUserNamespaces.Error())
	}
	log := &lines{}
	opts := Options{
		StateDir: t.TempDir(), ModulesDir: modules(), Log: log.add,
		Getenv: func(name string) string {
			if name == "BUILDKIT_HOST" {
				return ""
			}
			return os.Getenv(name)
		},
	}
	furnish(t, opts)
	t.Cleanup(func() {
		if err := Down(context.Background(), opts); err != nil {
			t.Errorf("down: %v", err)
		}
	})
	return opts, log
}

// furnish makes the folders of an engine and copies the built programs into them.
func furnish(t testing.TB, opts Options) {
	t.Helper()
	paths, err := built()
	if err != nil {
		t.Fatal(err)
	}
	f := opts.files()
	if err := f.prepare(); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		copyFile(t, path, filepath.Join(f.bin, filepath.Base(path)))
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	if os.Link(from, to) == nil {
		return
	}
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

func ensure(t *testing.T, opts Options) *Daemon {
	t.Helper()
	d, err := Ensure(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func find(t *testing.T, opts Options) *Status {
	t.Helper()
	s, err := Find(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// step is an image that contains only testdata/step.
var step = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "step")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "step"), "./testdata/step")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return dir, nil
})

// run has the daemon run testdata/step, and returns its output.
func run(ctx context.Context, t *testing.T, d *Daemon, args ...string) (string, error) {
	t.Helper()
	dir, err := step()
	if err != nil {
		t.Fatal(err)
	}
	image := llb.Scratch().File(llb.Copy(llb.Local("step"), "step", "/step"))
	return solve(ctx, t, d, image.Run(llb.Args(append([]string{"/step"}, args...))).Root(), dir)
}

// solve builds a state, with a folder as the local source "step", and returns the output of its steps.
func solve(ctx context.Context, t *testing.T, d *Daemon, state llb.State, dir string) (string, error) {
	t.Helper()
	def, err := state.Marshal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	local, err := fsutil.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Client(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	status := make(chan *client.SolveStatus)
	said := make(chan string)
	go func() {
		var out bytes.Buffer
		for s := range status {
			for _, l := range s.Logs {
				out.Write(l.Data)
			}
		}
		said <- out.String()
	}()
	_, err = c.Solve(ctx, def, client.SolveOpt{
		LocalMounts: map[string]fsutil.FS{"step": local},
		Exports:     []client.ExportEntry{{Type: client.ExporterTar, Output: discard}},
	}, status)
	return <-said, err
}

func discard(map[string]string) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// eventually polls until a state holds that nothing announces.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within two minutes: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
