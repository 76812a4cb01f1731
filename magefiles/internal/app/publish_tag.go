package app

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// PublishTag is the same for a tag.
func (a *App) PublishTag(ctx context.Context, choice, ref string, dryRun bool, then tasks.Promoting) (fmt.Stringer, error) {
	if name, version, ok := a.packageTag(ref); ok {
		if then.On {
			a.console.Note(image.TagName(ref) + " is the tag of a Python package: no manifest names it, and nothing is promoted")
		}
		return a.publishPackageTag(ctx, choice, image.TagName(ref), tasks.PackagePublishArgs{Name: name, Version: version}, dryRun)
	}
	if err := a.requireRegistry(""); err != nil {
		return publish.Result{}, err
	}
	name := ""
	if tag, err := image.ParseTag(ref); err == nil {
		name = string(tag.Name)
	} else if then.On {
		then = tasks.Promoting{} // nothing will be published, or ciTag says what is wrong
	}
	if err := a.mayPromote(ctx, tasks.PublishArgs{Name: name}, then); err != nil {
		return publish.Result{}, err
	}
	published, err := a.ciTag(ctx, choice, ref, dryRun)
	return published, errors.Join(err, a.promoteAll(ctx, published, dryRun, then)) // what is published is published, whatever became of handing it on
}

// ciTag publishes what a tag names.
func (a *App) ciTag(ctx context.Context, choice, ref string, dryRun bool) (publish.Result, error) {
	a.progress.title = "publish a tag"
	one, err := a.publisher(choice)
	if err != nil {
		return publish.Result{}, err
	}
	git, err := a.git()
	if err != nil {
		return publish.Result{}, err
	}
	remote, err := a.gitRemote(git, a.readCredentials)
	if err != nil {
		return publish.Result{}, err
	}
	tag := publish.Tag{Publish: one, Remote: remote, Watch: a.progress.step, Note: a.console.Note}
	if dryRun {
		tag = tag.DryRun(a.console.Note)
	}
	published, err := tag.Run(ctx, ref)
	if err != nil || dryRun || published.Reference == "" {
		return published, err
	}
	a.noteUnchanged(published)
	return published, a.writeOutputs(published)
}
