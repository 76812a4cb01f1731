// Package enginetest gives tests an embedded engine: one daemon for all packages, built once and kept running, as for a user.
package enginetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Options are those of an embedded session whose relative host paths start in workdir.
func Options(tb testing.TB, workdir string) engine.Options {
	tb.Helper()
	return engine.Options{
		Choice: engine.Embedded, Workdir: workdir, StateDir: testenv.EngineState(tb), CacheBytes: testenv.EngineCacheBytes,
		LookupEnv: os.LookupEnv, Log: func(line string) { tb.Log(line) },
	}
}

// Connect opens a session that ends with the test. A first use is slow, because BuildKit is compiled, as for a user.
func Connect(tb testing.TB, opts engine.Options) *engine.Session {
	tb.Helper()
	testenv.Slow(tb, "builds and starts BuildKit")
	s, err := engine.Connect(context.Background(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// NeedsRuntime skips a test that executes commands in containers if there is no OCI runtime, and says how to install one. In CI it fails.
func NeedsRuntime(tb testing.TB, opts engine.Options) {
	tb.Helper()
	testenv.Slow(tb, "builds and starts BuildKit")
	d, err := engine.Up(context.Background(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	if d.Runtime == "" {
		testenv.Missing(tb, "no OCI runtime: apt-get install runc")
	}
}

// Fresh are the options of an engine of this test alone, without any state but the programs. It is stopped at the end.
func Fresh(tb testing.TB, workdir string) engine.Options {
	tb.Helper()
	opts := Options(tb, workdir)
	NeedsRuntime(tb, opts)
	state := tb.TempDir()
	for _, programs := range []string{"bin", "init"} {
		err := os.CopyFS(filepath.Join(state, programs), os.DirFS(filepath.Join(opts.StateDir, programs)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // the exec init is compiled when a command first runs
			tb.Fatal(err)
		}
	}
	opts.StateDir = state
	tb.Cleanup(func() {
		if err := engine.Down(context.Background(), opts); err != nil {
			tb.Error(err)
		}
	})
	return opts
}
