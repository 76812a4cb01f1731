//go:build mage

package main

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

// What the hook starts in the background neither outlives Ctrl-C nor holds up a hook that is done.
func TestDocsHook(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s := site
	s.DocsHook = "exec 3>" + pipe + "; sleep 600 & echo reached >&3; echo shown; wait"
	r, out := withSettings(s)
	r.progress = progress{console: r.console, logs: t.TempDir(), title: "hook"}
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("that is enough")
	ended := make(chan error, 1)
	go func() {
		f, err := os.Open(pipe)
		if err == nil {
			lines := bufio.NewReader(f)
			_, err = lines.ReadString('\n')
			stop(enough)
			_, copied := io.Copy(io.Discard, lines)
			err = errors.Join(err, copied, f.Close())
		}
		ended <- err
	}()
	if err := r.docsHook(ctx); !errors.Is(err, enough) {
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
	r.DocsHook = "echo it is done; false"
	end := r.progress.step("run the hook")
	err := r.docsHook(t.Context())
	if err == nil || !strings.Contains(err.Error(), "BLUMEOPS_DOCS_HOOK") {
		t.Errorf("a hook that fails: %v", err)
	}
	end(err)
	r.progress.finish(err)
	if !strings.Contains(out.String(), "it is done") {
		t.Errorf("what it prints is not shown: %s", out)
	}
}
