package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// TestMain ends shared objects of the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	ends.Lock()
	for _, end := range slices.Backward(ends.list) {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, "after all tests:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

var ends struct {
	sync.Mutex
	list []func() error
}

// atEnd registers a function that runs after all tests, the newest first.
func atEnd(end func() error) {
	ends.Lock()
	defer ends.Unlock()
	ends.list = append(ends.list, end)
}

// shared makes an object for the first test that needs it, and gives it to all. start registers clean-up with atEnd. It requires a part of the
// lab.
func shared[T any](part Part, start func() (T, error)) func(*testing.T) T {
	once := sync.OnceValues(start)
	return func(t *testing.T) T {
		t.Helper()
		need(t, part)
		v, err := once()
		must(t, err)
		return v
	}
}

// must fails the test. Outside CI it skips it if only a program is missing; the error says how to install it.
func must(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, toolbuild.ErrNoCompiler) {
		testenv.Missing(t, err)
	}
	t.Fatal(err)
}

// need is labtest.Need, which a test of this package cannot import.
func need(t *testing.T, parts ...Part) {
	t.Helper()
	if slices.ContainsFunc(parts, func(p Part) bool { return p != PartRegistry }) {
		testenv.Slow(t, "starts servers of the lab")
	}
	if err := (Home{}).Ready(parts...); err != nil {
		testenv.Missing(t, err)
	}
}
