// Package e2etest runs the compiled mage binary for the packages below e2e: it makes what a test runs it in (Workspace, Homelab), starts
// what it talks to (Registry), and reads what it leaves (Image). The binary is compiled once for a checkout; each package starts its own
// servers, and all share one engine.
package e2etest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// setup is what all tests of a package share.
var setup struct {
	root   string            // of the checkout
	bin    string            // folder that holds the compiled binary, named mage
	goEnv  map[string]string // of the go command: the tests' HOME is not the user's
	shared *baseImages       // registry of base images

	askRuntime sync.Once
	runtime    string // that the engine runs commands with; "" is none
}

// Root is the checkout's folder.
func Root() string { return setup.root }

// Binary is the compiled mage.
func Binary() string { return filepath.Join(setup.bin, "mage") }

// ModuleCache is the folder of Go's module cache.
func ModuleCache() string { return setup.goEnv["GOMODCACHE"] }

// SeedBase puts a base image into the registry that the tests of a package share.
func SeedBase(ctx context.Context, recipe baseimage.Recipe) error {
	return setup.shared.seed(ctx, recipe)
}

// Main is the TestMain of each package below e2e.
func Main(m *testing.M) {
	flag.Parse()
	switch {
	case testing.Short():
		fmt.Println("compiles mage and starts servers: left out of -short")
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
	if setup.root, err = testenv.FindRoot(); err != nil {
		return err
	}
	setup.bin = dir
	setup.shared = &baseImages{}
	if setup.goEnv, err = goEnv(); err != nil {
		return err
	}
	return Compile(setup.root, Binary())
}

func goEnv() (map[string]string, error) {
	out, err := exec.Command("go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	env := map[string]string{}
	return env, json.Unmarshal(out, &env)
}
