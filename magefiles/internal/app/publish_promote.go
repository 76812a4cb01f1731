package app

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/promote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// mayPromote refuses what can be refused before there is an image.
func (a *App) mayPromote(ctx context.Context, args tasks.PublishArgs, then tasks.Promoting) error {
	switch {
	case !then.On && then.Sync:
		return console.BadInput(errors.New("-sync requires -promote"))
	case !then.On:
		return nil
	case args.Registry != "" && args.Registry != a.Registry:
		return console.BadInput(fmt.Errorf("-promote requires the registry of the site, %s, not %s", a.Registry, args.Registry))
	}
	promote, err := a.promoter()
	if err != nil {
		return err
	}
	if args.Name == publish.NamesChanged { // which are not known yet
		return promote.Origin.CheckPush(ctx)
	}
	names, err := publish.Names(args.Name)
	if err != nil {
		return err
	}
	var refused []error
	for _, name := range names {
		refused = append(refused, a.unused(promote.Check(ctx, string(name), then.Sync)))
	}
	return errors.Join(refused...)
}

// unused makes a warning of it that no manifest deploys a container: there is nothing to promote, and the image is good all the same.
func (a *App) unused(err error) error {
	var none *promote.NoUseError
	if !errors.As(err, &none) {
		return err
	}
	a.console.Warn(none.Error() + ": it is not promoted")
	return nil
}

// promoteAll promotes what was published, one after the other, as each makes a commit on the one before. One that fails stops none of the others.
func (a *App) promoteAll(ctx context.Context, result fmt.Stringer, dryRun bool, then tasks.Promoting) error {
	var published []publish.Result
	switch result := result.(type) {
	case publish.Result:
		published = []publish.Result{result}
	case publish.Results:
		published = result
	}
	var failed []error
	for _, p := range published {
		if !then.On || p.Reference == "" || ctx.Err() != nil {
			continue
		}
		if err := a.unused(a.promoteOne(ctx, p, dryRun, then)); err != nil {
			failed = append(failed, fmt.Errorf("promote %s: %w", p.Name, err))
		}
	}
	return errors.Join(failed...)
}

func (a *App) promoteOne(ctx context.Context, p publish.Result, dryRun bool, then tasks.Promoting) error {
	args := tasks.PromoteArgs{Name: string(p.Name), Version: p.Version, Digest: p.Digest, Sync: then.Sync}
	promote, err := a.promoter()
	if err != nil {
		return err
	}
	switch {
	case dryRun && p.Digest == "":
		promote = promote.DryRunUnpublished(a.console.Note)
	case dryRun:
		promote = promote.DryRun(a.console.Note)
	}
	promoted, err := promote.Run(ctx, args)
	if err != nil || dryRun {
		return err
	}
	return a.ciOutput().Summary(promoted.Summary())
}
