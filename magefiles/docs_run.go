//go:build mage

package main

import (
	"context"
	"fmt"
	"time"
	_ "time/tzdata" // images and runners often have no time zones

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

func (r *runner) changelog(ctx context.Context, args task.ChangelogArgs, draft bool) (task.Noted, error) {
	zone, err := r.zone()
	if err != nil {
		return task.Noted{}, console.BadInput(err)
	}
	changelog := task.Changelog{Root: r.files, Zone: zone, Warn: r.console.Warn}
	if draft {
		return changelog.Draft(args)
	}
	noted, err := changelog.Run(ctx, args)
	if err == nil && noted.Status == task.StatusUnchanged {
		r.console.Note(noted.File + " has the section already, and no fragment is left: nothing was written")
	}
	return noted, err
}

// zone is the time zone whose date is that of a release.
func (s settings) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("BLUMEOPS_TIME_ZONE: %q is no time zone, as in Europe/Berlin or UTC", s.TimeZone)
	}
	return zone, nil
}
