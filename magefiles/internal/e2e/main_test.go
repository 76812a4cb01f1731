package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// setup is what all tests of this run share.
var setup struct {
	root   string            // of the checkout
	bin    string            // folder that holds the compiled binary, named mage
	goEnv  map[string]string // of the go command: the tests' HOME is not the user's
	shared *shelf            // registry of base images
}

func TestMain(m *testing.M) {
	flag.Parse()
	switch {
	case testing.Short():
		fmt.Println("compiles mage and builds images: left out of -short")
		return
	case runtime.GOOS != "linux":
		fmt.Println("the embedded engine that these tests share is for Linux")
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "blumeops-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer setup.shared.close()
	return m.Run()
}

func prepare(dir string) (err error) {
	if setup.root, err = checkout(); err != nil {
		return err
	}
	setup.bin = dir
	setup.shared = &shelf{}
	if setup.goEnv, err = goEnv(); err != nil {
		return err
	}
	return compile(filepath.Join(dir, "mage"))
}

// checkout is the root of this repository.
func checkout() (string, error) {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return "", errors.New("the test binary does not know its sources (was it built with -trimpath?)")
	}
	return filepath.Abs(filepath.Join(filepath.Dir(file), "..", "..", ".."))
}

func goEnv() (map[string]string, error) {
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	env := map[string]string{}
	return env, json.Unmarshal(out, &env)
}

// compileTime is far longer than compiling takes with empty caches.
const compileTime = 5 * time.Minute

// compile makes the binary. Mage writes a file into magefiles/ meanwhile, so that two at a time would not do.
func compile(binary string) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(cache, "blumeops"), 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), compileTime)
	defer cancel()
	lock := flock.New(filepath.Join(cache, "blumeops", "mage-compile.lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another run that compiles mage: %w", err)
	}
	defer lock.Close()
	cmd := exec.CommandContext(ctx, "go", "tool", "mage", "-compile", binary)
	cmd.Dir = setup.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile mage: %w\n%s", err, out)
	}
	return nil
}
