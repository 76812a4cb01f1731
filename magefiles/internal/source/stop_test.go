package source

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The end of the context ends git together with what it started, which would hold its pipes: here the command that is run in the place of ssh.
func TestStoppedFetchLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("that is enough")
	ended := make(chan error, 1)
	go func() {
		f, err := os.Open(pipe)
		if err == nil {
			r := bufio.NewReader(f)
			_, err = r.ReadString('\n')
			stop(enough)
			_, copyErr := io.Copy(io.Discard, r)
			err = errors.Join(err, copyErr, f.Close())
		}
		ended <- err
	}()
	ssh := filepath.Join(t.TempDir(), "ssh")
	if err := os.WriteFile(ssh, []byte("#!/bin/sh\nexec 3>"+pipe+"\nsleep 600 &\necho reached >&3\nwait\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	git := Git{Cache: t.TempDir(), Environ: append(os.Environ(), "GIT_SSH_COMMAND="+ssh)}
	_, err := git.Fetch(ctx, Source{URL: "ssh://git@host.example/quartz.git", Ref: strings.Repeat("a", 40)})
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
	select {
	case err := <-ended: // all that had the pipe open are gone
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("something goes on")
	}
}
