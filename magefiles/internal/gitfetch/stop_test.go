package gitfetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
)

// The end of the context ends git together with its child processes, which would keep its pipes open: here the command that replaces ssh.
func TestStoppedFetchLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("that is enough")
	gone := procgrouptest.Pipe(t, pipe, func() { stop(enough) })
	ssh := filepath.Join(t.TempDir(), "ssh")
	if err := os.WriteFile(ssh, []byte("#!/bin/sh\nexec 3>"+pipe+"\nsleep 600 &\necho reached >&3\nwait\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	git := Git{Cache: t.TempDir(), Environ: append(os.Environ(), "GIT_SSH_COMMAND="+ssh)}
	_, err := git.Fetch(ctx, Source{URL: "ssh://git@host.example/quartz.git", Ref: strings.Repeat("a", 40)})
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
	gone()
}
