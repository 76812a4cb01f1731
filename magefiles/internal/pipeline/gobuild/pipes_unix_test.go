//go:build unix

package gobuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
)

// The go command is not started for a pipe with the name of a source, because it would wait until something writes to it.
func TestPipesAreNotCompiled(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go.mod", "go.sum", "containers/hello/main.go", "containers/hello/other.go", "words/more.go", "words/f.s", "containers/hello/a.h"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := compiler(t)
			file := filepath.Join(c.Root, name)
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(file, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := c.Build(ctx, hello(amd64)); !errors.Is(err, regular.ErrSpecial) {
				t.Errorf("error %v", err)
			}
		})
	}
}
