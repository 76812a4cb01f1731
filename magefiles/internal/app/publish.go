package app

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Publish publishes, and has the manifests name what was published. What would keep them from it is refused before anything is built.
func (a *App) Publish(ctx context.Context, choice string, args tasks.PublishArgs, dryRun bool, then tasks.Promoting) (fmt.Stringer, error) {
	if err := a.requireRegistry(args.Registry); err != nil {
		return publish.Result{}, err
	}
	if err := a.mayPromote(ctx, args, then); err != nil {
		return publish.Result{}, err
	}
	published, err := a.publishImages(ctx, choice, args, dryRun)
	return published, errors.Join(err, a.promoteAll(ctx, published, dryRun, then))
}

// publishImages publishes one container, or those of a list.
func (a *App) publishImages(ctx context.Context, choice string, args tasks.PublishArgs, dryRun bool) (fmt.Stringer, error) {
	if publish.IsMany(args.Name) || args.Version == publish.VersionAuto {
		return a.publishMany(ctx, choice, args, dryRun)
	}
	a.progress.title = "publish " + args.Name + " " + args.Version
	one, err := a.publisher(choice)
	if err != nil {
		return publish.Result{}, err
	}
	if dryRun {
		one = one.DryRun(a.console.Note)
	}
	published, err := one.Run(ctx, args)
	if err != nil || dryRun {
		return published, err
	}
	a.noteUnchanged(published)
	return published, a.writeOutputs(published)
}
