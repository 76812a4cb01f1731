package app

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// Changelog writes the section of a version into the changelog.
func (a *App) Changelog(ctx context.Context, args task.ChangelogArgs, draft bool) (task.Noted, error) {
	zone, err := a.Zone()
	if err != nil {
		return task.Noted{}, console.BadInput(err)
	}
	changelog := task.Changelog{Root: a.files, Zone: zone, Warn: a.console.Warn}
	if draft {
		return changelog.Draft(args)
	}
	noted, err := changelog.Run(ctx, args)
	if err == nil && noted.Status == task.StatusUnchanged {
		a.console.Note(noted.File + " already has the section, and no fragment is left: nothing was written")
	}
	return noted, err
}
