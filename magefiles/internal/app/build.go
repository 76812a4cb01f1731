package app

import (
	"context"
	"fmt"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/build"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/list"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// List lists the containers.
func (a *App) List() (fmt.Stringer, error) {
	platforms, _ := a.Platforms() // a setting that is wrong is no reason to show nothing
	return list.List{
		Files: a.workTree(), Manifests: a.Manifests, Repository: a.Registry + "/" + a.Namespace, Platforms: platforms,
	}.Run()
}

// Build builds the image of a container.
func (a *App) Build(ctx context.Context, choice string, args tasks.BuildArgs) (fmt.Stringer, error) {
	a.progress.title = "build " + args.Name
	settings.HidePasswords(args.Args, a.hide)
	builder, err := a.imageBuilder(choice)
	if err != nil {
		return build.Result{}, err
	}
	return build.Build{
		Files: a.workTree(), Builder: builder, Watch: a.progress.step, Warn: a.console.Warn, Outputs: filepath.Join(a.cacheAt, "outputs"),
	}.Run(ctx, args)
}
