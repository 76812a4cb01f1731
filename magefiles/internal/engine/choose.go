package engine

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// DefaultStateDir is where the engine keeps its state: blumeops/engine in the user's cache folder ($XDG_CACHE_HOME, else ~/.cache).
func DefaultStateDir(lookupEnv func(string) (string, bool)) (string, error) {
	if dir, _ := lookupEnv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "blumeops", "engine"), nil
	}
	home, _ := lookupEnv("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("no folder for the engine's state: set XDG_CACHE_HOME or HOME to an absolute path, or set BLUMEOPS_ENGINE_STATE")
	}
	return filepath.Join(home, ".cache", "blumeops", "engine"), nil
}

// daggerAvailable reports whether the real Dagger is available without an explicit choice, and the reason.
func daggerAvailable(ctx context.Context, opts Options) (why string, ok bool) {
	for _, v := range []struct{ name, what string }{
		{sessionVariable, "a session is open"},
		{runnerVariable, "a runner is set"},
	} {
		if opts.getenv(v.name) != "" {
			return fmt.Sprintf("%s: $%s", v.what, v.name), true
		}
	}
	if opts.getenv("BUILDKIT_HOST") != "" {
		return "$BUILDKIT_HOST names a BuildKit", false
	}
	none := "no Docker"
	for _, c := range containerEngines(opts) {
		if _, err := exec.LookPath(c.command); err != nil {
			continue
		}
		err := ping(ctx, opts, c.host)
		if err == nil {
			return c.name + " answers", true
		}
		if strings.HasPrefix(c.host, "tcp:") {
			none = fmt.Sprintf("no Docker at %s: %v", c.host, err)
		}
	}
	return none + ", no Dagger runner", false
}
