package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Two runs of a target that sets no title fail, and each has a log of its own.
func TestLogsAreNotShared(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", state)
	t.Setenv("BLUMEOPS_ENGINE_STATE", "")
	logs := map[string]bool{}
	for range 2 {
		err := Runner(example)(t.Context(), tasks.Options{Target: "container:try"}, func(_ context.Context, target tasks.App) error {
			a := target.(*App)
			a.progress.event(console.Event{Step: "a", State: console.Failed})
			if a.progress.title != "container:try" {
				t.Errorf("title %q", a.progress.title)
			}
			found, err := filepath.Glob(filepath.Join(a.progress.logs, "container-try-*.log"))
			if err != nil {
				t.Error(err)
			}
			for _, log := range found {
				logs[log] = true
			}
			return errors.New("failed")
		})
		if err == nil {
			t.Error("no error")
		}
	}
	for log := range logs {
		if text, err := os.ReadFile(log); err != nil || !strings.Contains(string(text), "failed") {
			t.Errorf("%s: %q, %v", log, text, err)
		}
	}
	if len(logs) != 2 {
		t.Errorf("logs: %v", logs)
	}
}
