// Package testenv has what the tests of all packages share: where the checkout and the tests' engine are, and which tests this machine
// and this run leave out. It imports nothing of ours, so that every test can use it.
package testenv

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Missing ends a test because a part of the machine is missing: outside CI the test is skipped, in CI it fails. The reason says what to install.
func Missing(tb testing.TB, why any) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatal(why)
	}
	tb.Skip(why)
}

// Program is the path of a program that a test needs. install is the command that installs it.
func Program(tb testing.TB, name, install string) (path string) {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(tb, name+" is missing: "+install)
	}
	return path
}

// Superuser ends a test that needs root. CI runs as root.
func Superuser(tb testing.TB, why string) {
	tb.Helper()
	if os.Geteuid() != 0 {
		Missing(tb, why+": run as root")
	}
}

// Slow leaves a test out of -short. CI never sets -short, so nothing is left out there.
func Slow(tb testing.TB, why string) {
	tb.Helper()
	if testing.Short() {
		tb.Skip(why + ": run without -short")
	}
}

// Root is the root of the checkout.
func Root(tb testing.TB) string {
	tb.Helper()
	root, err := FindRoot()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

// FindRoot is Root for a TestMain.
func FindRoot() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", errors.New("the test binary does not know its sources (was it built with -trimpath?)")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", ".."), nil
}

// EngineState is the folder of the engine that all tests share, outside the checkout: blumeops/engine-test in the user's cache.
func EngineState(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	return filepath.Join(cache, "blumeops", "engine-test")
}

// EngineCacheBytes is the size of that engine's cache. It is one of the settings for which an engine is started again if they change, so
// every test must use the same.
const EngineCacheBytes = 20_000_000_000
