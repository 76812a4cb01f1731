package repo

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/labtest"
)

// TestMain ends the forges that tests shared. As a helper process it releases until it is killed, or has made some
// releases.
func TestMain(m *testing.M) {
	if dir := os.Getenv("REPO_TEST_WORKER"); dir != "" {
		most, _ := strconv.Atoi(os.Getenv("REPO_TEST_RELEASES"))
		if err := worker(dir, os.Getenv("REPO_TEST_NAME"), most); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	forges.Lock()
	for _, f := range slices.Backward(forges.list) {
		if err := f.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "after all tests:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

var forges struct {
	sync.Mutex
	list []*lab.Forge
}

// startForge starts a forge that lives until all tests are done.
func startForge(t testing.TB, o lab.ForgeOptions) *lab.Forge {
	t.Helper()
	labtest.Need(t, lab.PartForge)
	f, err := lab.StartForge(t.Context(), lab.Home{}, o)
	if err != nil {
		t.Fatal(err)
	}
	forges.Lock()
	defer forges.Unlock()
	forges.list = append(forges.list, f)
	return f
}

var sharedForge struct {
	sync.Mutex
	forge *lab.Forge
}

// testForge is one forge for all tests.
func testForge(t testing.TB) *lab.Forge {
	t.Helper()
	sharedForge.Lock()
	defer sharedForge.Unlock()
	if sharedForge.forge == nil {
		sharedForge.forge = startForge(t, lab.ForgeOptions{})
	}
	return sharedForge.forge
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
