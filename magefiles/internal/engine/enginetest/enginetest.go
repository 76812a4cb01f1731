// Package enginetest gives tests an embedded engine: one daemon for all packages, built once and kept running, as a user has it.
package enginetest

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
)

// Root is the root of the checkout.
func Root(tb testing.TB) string {
	tb.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("the test binary does not know its sources (was it built with -trimpath?)")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "..")
}

// State is the folder that all tests' engines share, outside the checkout: blumeops/engine-test in the user's cache.
func State(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	return filepath.Join(cache, "blumeops", "engine-test")
}

// Options are those of an embedded session whose relative host paths start in workdir.
func Options(tb testing.TB, workdir string) engine.Options {
	tb.Helper()
	return engine.Options{
		Choice: engine.Embedded, Workdir: workdir, StateDir: State(tb),
		LookupEnv: os.LookupEnv, Log: func(line string) { tb.Log(line) },
	}
}

// Connect opens a session that ends with the test. A slow first use (BuildKit is compiled) is what it would be for a user.
func Connect(tb testing.TB, opts engine.Options) *engine.Session {
	tb.Helper()
	if testing.Short() {
		tb.Skip("builds and starts BuildKit: left out of -short")
	}
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

// NeedsRuntime ends a test that executes commands in containers where no OCI runtime is, and says what brings one. In CI it fails.
func NeedsRuntime(tb testing.TB, opts engine.Options) {
	tb.Helper()
	d, err := engine.Up(context.Background(), opts)
	switch {
	case err != nil:
		tb.Fatal(err)
	case d.Runtime != "":
	case os.Getenv("CI") == "true":
		tb.Fatal("no OCI runtime: apt-get install runc")
	default:
		tb.Skip("no OCI runtime: apt-get install runc")
	}
}
