package app

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsbuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitfetch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// docsBuilder builds the docs with the dates that they have at a commit; the caller gives it the tree.
func (a *App) docsBuilder(choice string, git *repo.Repo, commit string) (docsbuild.Build, error) {
	opts, err := a.engineOptions(choice)
	if err != nil {
		return docsbuild.Build{}, err
	}
	network, err := a.network()
	if err != nil {
		return docsbuild.Build{}, console.BadInput(err)
	}
	zone, err := a.Zone()
	if err != nil {
		return docsbuild.Build{}, console.BadInput(err)
	}
	channels, err := a.MovingTags()
	if err != nil {
		return docsbuild.Build{}, console.BadInput(err)
	}
	fetcher := gitfetch.Git{Cache: filepath.Join(a.cacheAt, "sources"), Environ: os.Environ()}
	return docsbuild.Build{
		Settings: docsbuild.Settings{
			Dir: path.Clean(a.Docs), Site: docsite.Settings{Generator: a.DocsGenerator, Build: a.DocsBuild, Output: a.DocsOutput},
			Source: a.DocsSource, Image: a.NodeImage, Zone: zone, Channels: channels,
		},
		Dates: func(ctx context.Context, under string) (map[string]vcs.Dates, error) {
			return git.Dates(ctx, commit, under)
		},
		Find: func(text string) (docsbuild.Source, error) { return fetcher.Find(text) },
		Sites: generators{a, pipeline.Docs{
			Connect: func(ctx context.Context) (*pipeline.Client, error) { return a.session.connect(ctx, opts) },
			Copies:  a.copies, Site: network, Image: a.NodeImage, Step: a.progress.step, Cached: engine.WithCacheEntry,
		}},
		Watch: a.progress.step, Note: a.console.Note,
	}, nil
}

// generators is a docsbuild.Generators that is a pipeline.
type generators struct {
	app  *App
	docs pipeline.Docs
}

func (g generators) Check(ctx context.Context) error { return g.docs.Check(ctx) }

func (g generators) Generate(ctx context.Context, q docsite.Generation, to string) error {
	err := g.docs.Build(ctx, q, to)
	var failed *pipeline.StepError
	if errors.As(err, &failed) && g.app.session.choice() == engine.Dagger {
		g.app.progress.failed(failed.Stdout, failed.Stderr)
	}
	return g.app.whereFull(err)
}
