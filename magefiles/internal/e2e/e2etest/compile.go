package e2etest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// waitTime bounds the wait for another package. It is far longer than compiling takes with empty caches.
const waitTime = 5 * time.Minute

// kept is a folder of the user's cache for a checkout, which outlives the tests.
func kept(root string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	all := filepath.Join(cache, "blumeops", "e2e")
	if err := forget(all); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(root))
	dir := filepath.Join(all, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "checkout"), []byte(root), 0o644)
}

// forget removes the folders of checkouts that are gone.
func forget(all string) error {
	names, err := filepath.Glob(filepath.Join(all, "*", "checkout"))
	for _, name := range names {
		root, readErr := os.ReadFile(name)
		if readErr != nil {
			continue // another test forgets it, or writes it
		}
		if _, gone := os.Stat(string(root)); len(root) > 0 && errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, os.RemoveAll(filepath.Dir(name)))
		}
	}
	return err
}

// hold waits for a lock in a folder.
func hold(dir, name string) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	lock := flock.New(filepath.Join(dir, name+".lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for another run of the tests that uses %s: %w", name, err)
	}
	return lock, nil
}

// Compile makes the mage binary of a checkout. It is kept, and the go command finds out whether it is still that of the sources, so that only the
// first of several packages links it.
func Compile(root, binary string) error {
	dir, err := kept(root)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "mage")
	return compiling(dir, func() error {
		cmd := exec.Command("go", "tool", "mage", "-compile", name)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("compile mage: %w\n%s", err, out)
		}
		return copyFile(name, binary) // another run may compile a later one
	})
}

// compiling does what has Mage compile the checkout, while nobody else does: Mage writes a file into magefiles/.
func compiling(dir string, compile func() error) error {
	lock, err := hold(dir, "mage")
	if err != nil {
		return err
	}
	defer lock.Close()
	return compile()
}

// CompileForClones has `go tool mage` use one binary in all clones that have this checkout's magefiles: it would otherwise compile all packages again
// in each folder.
func (w *Workspace) CompileForClones() {
	w.T.Helper()
	w.Env["MAGEFILE_HASHFAST"] = "1" // look for a binary by the content of the magefiles
	w.Env["MAGEFILE_CACHE"] = filepath.Join(w.Dir, "magefiles")
	dir, err := kept(setup.root)
	if err == nil {
		err = compiling(dir, func() error {
			cmd := exec.Command("go", "tool", "mage", "container:list") // to list the targets, Mage compiles nothing
			cmd.Dir, cmd.Env = setup.root, w.Env.List()
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("compile mage for clones: %w\n%s", err, out)
			}
			return nil
		})
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

// SamePath is an empty folder that has the same path in each run of the tests, so that what is compiled there is in Go's build cache the next time.
func SamePath(t *testing.T, name string) string {
	t.Helper()
	dir, err := kept(setup.root)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := hold(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	clear := func() error { return os.RemoveAll(path) }
	t.Cleanup(func() {
		if err := errors.Join(clear(), lock.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(clear(), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}
