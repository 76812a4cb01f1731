package app

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/packagebuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/packagelist"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// ListPackages lists the Python packages.
func (a *App) ListPackages(source string) (fmt.Stringer, error) {
	return packagelist.List{Files: a.tree(), Places: a.packagePlaces(source)}.Run()
}

// packagePlaces are the folders of the setting Packages, or the one of the flag -source.
func (a *App) packagePlaces(source string) python.Places {
	return python.Places{Folders: settings.List(a.Packages), Source: source}
}

// BuildPackage builds the wheel and the sdist of a Python package from the working tree.
func (a *App) BuildPackage(ctx context.Context, choice string, args tasks.PackageArgs) (fmt.Stringer, error) {
	a.progress.title = "build package " + args.Name
	builder, err := a.packageBuilder(choice)
	if err != nil {
		return packagebuild.Result{}, err
	}
	git, err := a.git()
	if err != nil {
		return packagebuild.Result{}, err
	}
	head, err := git.Head()
	if err != nil {
		return packagebuild.Result{}, err
	}
	built, err := packagebuild.Build{
		Files: a.tree(), Places: a.packagePlaces(args.Source), List: git.FilesWithin, Commit: head, Builder: builder, Watch: a.progress.step, Note: a.console.Note,
	}.Run(ctx, args)
	if err != nil {
		return built, err
	}
	return built, a.writeOutputs(built)
}

// packageBuilder builds Python packages with the engine that is available. Nothing is connected to yet.
func (a *App) packageBuilder(choice string) (python.Builder, error) {
	opts, err := a.engineOptions(choice)
	if err != nil {
		return nil, err
	}
	network, err := a.network()
	if err != nil {
		return nil, console.BadInput(err)
	}
	offline, err := a.BuildsOffline()
	if err != nil {
		return nil, console.BadInput(err)
	}
	return packageBuilder{a, pipeline.Python{
		Connect: func(ctx context.Context) (*pipeline.Client, error) { return a.session.connect(ctx, opts) },
		Copies:  a.copies, Site: network, Image: a.PythonImage, Offline: offline, Step: a.progress.step, Cached: engine.WithCacheEntry,
	}}, nil
}

// packageBuilder is a python.Builder that is a pipeline.
type packageBuilder struct {
	app    *App
	python pipeline.Python
}

func (b packageBuilder) Build(ctx context.Context, g python.Generation, to string) error {
	err := b.python.Build(ctx, g, to)
	var failed *pipeline.StepError
	if errors.As(err, &failed) && b.app.session.choice() == engine.Dagger {
		b.app.progress.failed(failed.Stdout, failed.Stderr)
	}
	return b.app.whereFull(err)
}
