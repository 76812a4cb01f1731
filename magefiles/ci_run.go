//go:build mage

package main

import (
	"context"
	"os"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// ciTag publishes what a tag names.
func (r *runner) ciTag(ctx context.Context, choice, ref string, dryRun bool) (task.Published, error) {
	r.progress.title = "publish a tag"
	publish, err := r.publisher(choice)
	if err != nil {
		return task.Published{}, err
	}
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv))
	if err != nil {
		return task.Published{}, err
	}
	remote, err := r.gitRemote(git, r.readCredentials)
	if err != nil {
		return task.Published{}, err
	}
	tag := task.CITag{Publish: publish, Remote: tagLooker{remote}, Watch: r.progress.step, Note: r.console.Note}
	if dryRun {
		tag = tag.DryRun(r.console.Note)
	}
	published, err := tag.Run(ctx, ref)
	if err != nil || dryRun || published.Reference == "" {
		return published, err
	}
	r.noteUnchanged(published)
	return published, r.handOn(published)
}

// readCredentials are the forge's, if there are any: what everybody may read needs none.
func (r *runner) readCredentials(ctx context.Context, host string) (user, token string, ok bool, err error) {
	user, token, ok, err = r.gitCredentials(ctx, host)
	if err != nil && ctx.Err() == nil {
		r.console.Detail("the forge is asked without a token: " + err.Error())
		return "", "", false, nil
	}
	return user, token, ok, err
}

// tagLooker is a task.TagLooker. It fetches nothing.
type tagLooker struct{ remote *repo.Remote }

func (l tagLooker) Look(ctx context.Context) (task.Heads, error) {
	refs, err := l.remote.Refs(ctx)
	return headsOf(refs), err
}

func headsOf(refs repo.Refs) task.Heads {
	heads := task.Heads{Branch: refs.Default, Commit: refs.Heads[refs.Default], Tags: map[string]string{}}
	for name, tag := range refs.Tags {
		heads.Tags[name] = tag.Commit
	}
	return heads
}
