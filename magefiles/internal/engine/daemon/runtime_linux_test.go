package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// TestRuntimeIsLinkedConcurrently has concurrent runs link one runtime or another. After each, the link must exist.
func TestRuntimeIsLinkedConcurrently(t *testing.T) {
	dir := t.TempDir()
	opts := Options{StateDir: filepath.Join(dir, "state"), Getenv: func(name string) string {
		return map[string]string{"PATH": dir}[name]
	}}
	runc := filepath.Join(dir, "runc")
	if err := errors.Join(os.MkdirAll(opts.files().run, 0o700), os.WriteFile(runc, []byte("#!/bin/sh\necho --keep\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	link := opts.files().runtime
	if opts.singleUser() {
		testenv.Missing(t, "one user: steps cannot run")
	}
	for range 20 {
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if got := opts.linkRuntime(t.Context()); got != runc {
					t.Errorf("runtime %q", got)
				}
			})
		}
		group.Wait()
		if now, err := os.Readlink(link); now != runc {
			t.Errorf("linked to %q, %v", now, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(opts.files().run, "*")); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
}
