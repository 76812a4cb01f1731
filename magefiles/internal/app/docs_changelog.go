package app

import (
	"context"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docschangelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Changelog writes the section of a version into the changelog.
func (a *App) Changelog(ctx context.Context, args tasks.ChangelogArgs, draft bool) (fmt.Stringer, error) {
	zone, err := a.Zone()
	if err != nil {
		return docschangelog.Result{}, console.BadInput(err)
	}
	changelog := docschangelog.Changelog{Root: a.files, Zone: zone, Warn: a.console.Warn}
	if draft {
		return changelog.Draft(args)
	}
	noted, err := changelog.Run(ctx, args)
	if err == nil && noted.Status == step.StatusUnchanged {
		a.console.Note(noted.File + " already has the section, and no fragment is left: nothing was written")
	}
	return noted, err
}
