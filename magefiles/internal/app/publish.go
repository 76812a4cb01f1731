package app

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// Publish publishes, and has the manifests name what was published. What would keep them from it is refused before anything is built.
func (a *App) Publish(ctx context.Context, choice string, args tasks.PublishArgs, dryRun bool, then tasks.Promoting) (fmt.Stringer, error) {
	if err := a.requireRegistry(args.Registry); err != nil {
		return task.Published{}, err
	}
	if err := a.mayPromote(ctx, args, then); err != nil {
		return task.Published{}, err
	}
	published, err := a.publishImages(ctx, choice, args, dryRun)
	return published, errors.Join(err, a.promoteAll(ctx, published, dryRun, then))
}

// publishImages publishes one container, or those of a list.
func (a *App) publishImages(ctx context.Context, choice string, args tasks.PublishArgs, dryRun bool) (fmt.Stringer, error) {
	if task.IsMany(args.Name) || args.Version == task.VersionAuto {
		return a.publishMany(ctx, choice, args, dryRun)
	}
	a.progress.title = "publish " + args.Name + " " + args.Version
	publish, err := a.publisher(choice)
	if err != nil {
		return task.Published{}, err
	}
	if dryRun {
		publish = publish.DryRun(a.console.Note)
	}
	published, err := publish.Run(ctx, args)
	if err != nil || dryRun {
		return published, err
	}
	a.noteUnchanged(published)
	return published, a.writeOutputs(published)
}
