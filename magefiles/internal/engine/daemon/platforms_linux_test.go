package daemon

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// The reported platforms must be those that the kernel runs: the test runs a program for each platform.
func TestRuns(t *testing.T) {
	testenv.Superuser(t, "only root can run a program for each platform without a daemon")
	opts := Options{StateDir: t.TempDir(), ModulesDir: modules()}
	for _, architecture := range []string{runtime.GOARCH, "arm64"} {
		program := filepath.Join(t.TempDir(), "step")
		build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./testdata/step")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+architecture)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		foreign := errors.Is(exec.CommandContext(t.Context(), program, "hello").Run(), syscall.ENOEXEC)
		if missing := MissingPlatforms(t.Context(), opts, []string{"linux/" + architecture}); slices.Contains(missing, "linux/"+architecture) != foreign {
			t.Errorf("%s: missing %v, and the kernel refuses it: %v", architecture, missing, foreign)
		}
	}
	opts.Getenv = env("BUILDKIT_HOST=tcp://elsewhere.example:1")
	if missing := MissingPlatforms(t.Context(), opts, []string{"linux/s390x"}); missing != nil {
		t.Errorf("of a daemon elsewhere it is known: %v", missing)
	}
}
