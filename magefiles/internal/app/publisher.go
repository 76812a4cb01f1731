package app

import (
	"context"
	"path"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// publisher is the use case with its real adapters.
func (a *App) publisher(choice string) (publish.Publish, error) {
	builder, err := a.imageBuilder(choice)
	if err != nil {
		return publish.Publish{}, err
	}
	platforms, err := a.Platforms()
	if err != nil {
		return publish.Publish{}, err
	}
	channels, err := a.MovingTags()
	if err != nil {
		return publish.Publish{}, console.BadInput(err)
	}
	git, err := a.git()
	if err != nil {
		return publish.Publish{}, err
	}
	return publish.Publish{
		Files: a.tree(), Trees: git, Repo: git, Source: a.SourceURL(), Registry: a.pushingTo(a.progress.pushed), Builder: builder,
		Host: a.Registry, Namespace: a.Namespace, Platforms: platforms, Channels: channels, Login: a.login, Before: a.before(git),
		Watch: a.progress.step, Say: a.console.Warn,
	}, nil
}

func (a *App) noteUnchanged(published publish.Result) {
	if published.Status == step.StatusUnchanged {
		a.console.Note(published.Image + ":" + published.Version + " is already published from this revision: nothing was built or pushed")
	}
}

// before finds the commits that a commit differs from by promotions alone. Where all of the repository is manifests, nobody can tell.
func (a *App) before(git *repo.Repo) func(context.Context, string) ([]string, error) {
	folder := path.Clean(a.Manifests)
	if folder == "." {
		return nil
	}
	var (
		mu    sync.Mutex // several containers may be published at once
		known = map[string][]string{}
	)
	return func(ctx context.Context, commit string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if found, ok := known[commit]; ok {
			return found, nil
		}
		found, err := git.SameOutside(ctx, commit, folder)
		if err == nil {
			known[commit] = found
		}
		return found, err
	}
}
