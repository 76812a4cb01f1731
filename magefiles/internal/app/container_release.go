package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/containerrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// runTimeout is of a run that builds a large image for two platforms, on a runner that may have another one to finish first.
const runTimeout = 30 * time.Minute

// patience is how long -wait waits.
func patience(w tasks.Waiting) (time.Duration, error) {
	switch {
	case w.Timeout == nil:
		return runTimeout, nil
	case !w.On:
		return 0, console.BadInput(errors.New("-timeout requires -wait"))
	case *w.Timeout <= 0:
		return 0, console.BadInput(fmt.Errorf("-timeout: %s is not a positive duration (example: 45m)", *w.Timeout))
	}
	return *w.Timeout, nil
}

// ReleaseContainer makes and pushes the tag of a version, and follows what the forge makes of it.
func (a *App) ReleaseContainer(ctx context.Context, name, version string, wait tasks.Waiting, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "release a container"
	release, err := a.containerReleaser(wait)
	if err != nil {
		return containerrelease.Result{}, err
	}
	if dryRun {
		return release.DryRun(a.console.Note).Run(ctx, name, version)
	}
	released, err := release.Run(ctx, name, version)
	if released.Tag == "" {
		return released, err
	}
	return released, errors.Join(err, a.writeOutputs(released))
}

// containerReleaser is the use case with its real adapters.
func (a *App) containerReleaser(wait tasks.Waiting) (release containerrelease.Release, err error) {
	patience, err := patience(wait)
	if err != nil {
		return release, err
	}
	if err := a.requireRegistry(""); err != nil {
		return release, err
	}
	publish, err := a.publisher("")
	if err != nil {
		return release, err
	}
	held := a.readingClient() // who tags need not be who pushes images
	publish.Registry, publish.Login = held, nil
	client, err := a.forge()
	if err != nil {
		return release, err
	}
	from, err := a.origin(client)
	if err != nil {
		return release, err
	}
	release = containerrelease.Release{
		Publish: publish, Images: held, Remote: origin.Tags{Origin: from, Follow: wait.On}, Tagger: from, Message: from.Git.Message,
		Watch: a.progress.step, Note: a.console.Note, Warn: a.console.Warn,
	}
	if wait.On {
		release.Follow = &containerrelease.Follow{Runs: forge.Runs{Client: client, Repository: a.repository()}, Page: a.SourceURL() + "/actions", Timeout: patience, Tell: a.progress.line}
	}
	return release, nil
}
