//go:build unix

package toolbuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
)

// slow wraps the compiler and the linker: it reports its start through a pipe, which it keeps open until it ends.
const slow = `#!/bin/sh
case "$*" in *-V=full*) exec "$@" ;; esac
exec 3>"${0%/*}/reached"
echo reached >&3
exec sleep 600
`

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	b, _ := newBuilder(t)
	build(t, b, hello()) // then all packages but the program itself are in the build cache
	p := hello()
	p.Stamp["main.version"] = "another"

	dir := t.TempDir()
	tool, reached := filepath.Join(dir, "slow"), filepath.Join(dir, "reached")
	write(t, slow, tool)
	if err := os.Chmod(tool, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-toolexec="+tool) // the user's settings apply
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupted")
	gone := procgrouptest.Pipe(t, reached, func() { cancel(reason) })
	before := files(t, b.Bin)
	if _, err := b.Build(ctx, p); !errors.Is(err, reason) {
		t.Fatalf("got %v, want %v", err, reason)
	}
	if after := files(t, b.Bin); len(after) != len(before) {
		t.Errorf("left behind: %v", after)
	}
	gone()
}
