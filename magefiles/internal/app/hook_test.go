package app

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup/procgrouptest"
)

// What the hook starts in the background does not outlive Ctrl-C, and what the hook prints is shown.
func TestDocsHook(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	s := example
	s.DocsHook = "exec 3>" + pipe + "; sleep 600 & echo reached >&3; echo shown; wait"
	r, out := withSettings(s)
	r.progress = progress{console: r.console, logs: t.TempDir(), title: "hook"}
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("that is enough")
	gone := procgrouptest.Pipe(t, pipe, func() { stop(enough) })
	if err := r.docsHook(ctx); !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
	gone()
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
