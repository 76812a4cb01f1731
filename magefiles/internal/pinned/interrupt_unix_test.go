//go:build unix

package pinned

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// slow stands before the compiler and the linker: it says that it was reached through a pipe, which it has open as long as it lives.
const slow = `#!/bin/sh
case "$*" in *-V=full*) exec "$@" ;; esac
exec 3>"${0%/*}/reached"
echo reached >&3
exec sleep 600
`

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	b, _ := newBuilder(t)
	build(t, b, hello()) // so that all but the program itself is in the build cache
	p := hello()
	p.Stamp["main.version"] = "another"

	dir := t.TempDir()
	tool, reached := filepath.Join(dir, "slow"), filepath.Join(dir, "reached")
	write(t, slow, tool)
	if err := errors.Join(os.Chmod(tool, 0o700), syscall.Mkfifo(reached, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-toolexec="+tool) // the user's settings hold
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupted")
	ended := make(chan error, 1)
	go func() { ended <- follow(reached, func() { cancel(reason) }) }()
	before := files(t, b.Bin)
	if _, err := b.Build(ctx, p); !errors.Is(err, reason) {
		t.Fatalf("got %v, want %v", err, reason)
	}
	if after := files(t, b.Bin); len(after) != len(before) {
		t.Errorf("left behind: %v", after)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the compiler goes on")
	}
}

// follow reads a pipe until nobody has it open any more, and calls back at the first line.
func follow(path string, first func()) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if _, err := r.ReadString('\n'); err != nil {
		return err
	}
	first()
	_, err = io.Copy(io.Discard, r)
	return err
}
