package app

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// docsHook runs the site's command after a deployment. What it prints is shown with the step.
func (a *App) docsHook(ctx context.Context) error {
	err := procgroup.Command{Args: []string{"sh", "-c", a.DocsHook}, Env: os.Environ(), Output: hookOutput{a}, Grace: hookGrace}.Run(ctx)
	if err != nil {
		return fmt.Errorf("the command in BLUMEOPS_DOCS_HOOK failed: %w; the release is kept: correct the command and run the same target again", err)
	}
	return nil
}

// hookGrace is how long the hook may take to end after a signal, and how long what it leaves in the background may hold its output.
const hookGrace = 2 * time.Second

// hookOutput shows what the hook prints.
type hookOutput struct{ *App }

func (h hookOutput) Write(p []byte) (int, error) {
	h.progress.event(console.Event{Step: h.progress.now(), State: console.Log, Stream: 2, Data: bytes.Clone(p)})
	return len(p), nil
}
