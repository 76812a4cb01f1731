package app

import (
	"context"
	"errors"
	"fmt"
	"path"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/promote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Promote writes a published version into the manifests, and pushes that.
func (a *App) Promote(ctx context.Context, args tasks.PromoteArgs, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "promote " + args.Name + " to " + args.Version
	promoting, err := a.promoter()
	if err != nil {
		return promote.Result{}, err
	}
	if dryRun {
		return promoting.DryRun(a.console.Note).Run(ctx, args)
	}
	promoted, err := promoting.Run(ctx, args)
	if promoted.Reference == "" {
		return promoted, err
	}
	return promoted, errors.Join(err, a.writeOutputs(promoted)) // what is pushed is pushed, whatever became of its deployment
}

// promoter is the use case with its real adapters.
func (a *App) promoter() (promote.Promote, error) {
	if err := a.requireRegistry(""); err != nil {
		return promote.Promote{}, err
	}
	client, err := a.forge()
	if err != nil {
		return promote.Promote{}, err
	}
	from, err := a.origin(client)
	if err != nil {
		return promote.Promote{}, err
	}
	channels, err := a.MovingTags()
	if err != nil {
		return promote.Promote{}, console.BadInput(err)
	}
	promoting := promote.Promote{
		Origin: from, Registry: a.pushingTo(nil), Host: a.Registry, Namespace: a.Namespace, Manifests: path.Clean(a.Manifests),
		Channels: channels, Watch: a.progress.step, Note: a.console.Note, Warn: a.console.Warn,
	}
	if !settings.IsSet(a.ArgoCDURL) {
		return promoting, nil
	}
	patience, err := a.DeployWait()
	if err != nil {
		return promote.Promote{}, console.BadInput(err)
	}
	ours := a.addresses(from.Git)
	if a.PackagesURL != "" { // as those see the forge who deploy
		ours = append(ours, a.PackagesURL+"/"+a.Owner+"/"+a.Repository)
	}
	promoting.Applications = deployers{argo.Application{Client: a.argoCD(0), Timeout: patience, Tell: a.progress.line}, ours}
	return promoting, nil
}
