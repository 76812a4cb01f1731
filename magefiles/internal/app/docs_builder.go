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
	return docsbuild.Build{
		Settings: docsbuild.Settings{
			Dir: path.Clean(a.Docs), Site: docsite.Settings{Generator: a.DocsGenerator, Build: a.DocsBuild, Output: a.DocsOutput},
			Source: a.DocsSource, Image: a.NodeImage, Zone: zone,
		},
		Dates: func(ctx context.Context, under string) (map[string]docsite.Dates, error) {
			return docsDates(ctx, git, commit, under)
		},
		Sources: sources{gitfetch.Git{Cache: filepath.Join(a.cacheAt, "sources"), Environ: os.Environ()}},
		Sites: generators{a, pipeline.Docs{
			Connect: func(ctx context.Context) (*pipeline.Client, error) { return a.session.connect(ctx, opts) },
			Copies:  a.copies, Site: network, Image: a.NodeImage, Step: a.progress.step,
		}},
		Watch: a.progress.step, Note: a.console.Note,
	}, nil
}

// docsDates are the dates in git's history of a file, or of those in a folder.
func docsDates(ctx context.Context, git *repo.Repo, commit, under string) (map[string]docsite.Dates, error) {
	found, err := git.Dates(ctx, commit, under)
	dates := make(map[string]docsite.Dates, len(found))
	for name, d := range found {
		dates[name] = docsite.Dates(d)
	}
	return dates, err
}

// sources is a docsbuild.Sources.
type sources struct{ git gitfetch.Git }

func (s sources) Find(text string) (docsbuild.Source, error) {
	found, err := gitfetch.Parse(text)
	return gitSource{found, s.git}, err
}

// gitSource is a docsbuild.Source.
type gitSource struct {
	gitfetch.Source
	git gitfetch.Git
}

func (s gitSource) Fetch(ctx context.Context) (dir, commit string, release func() error, err error) {
	tree, err := s.git.Fetch(ctx, s.Source)
	return tree.Dir, tree.Commit, tree.Release, err
}

// generators is a docsbuild.Generators that is a pipeline.
type generators struct {
	app  *App
	docs pipeline.Docs
}

func (g generators) Check(ctx context.Context) error { return g.docs.Check(ctx) }

func (g generators) Generate(ctx context.Context, q docsbuild.GeneratorRun, to string) error {
	err := g.docs.Build(ctx, pipeline.Website(q), to)
	var failed *pipeline.StepError
	if errors.As(err, &failed) && g.app.session.choice() == engine.Dagger {
		g.app.progress.failed(failed.Stdout, failed.Stderr)
	}
	return g.app.whereFull(err)
}
