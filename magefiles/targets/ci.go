package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// CI holds the targets that workflows of the forge run.
type CI mg.Namespace

// Tag publishes the container that a pushed tag names.
//
// REF is the tag: devpi-v1.1.0 publishes devpi as v1.1.0. It may begin with
// refs/tags/. The commit of the tag at the forge must be checked out. If the tag
// was moved or deleted meanwhile, nothing is published. The rules and the output
// are those of container:publish. A repeated run finds finished work, even if its
// own promotion moved the checkout.
//
// A tag python-NAME-vX.Y.Z publishes the Python package NAME, as package:publish
// does, unless there is a container python-NAME.
//
// In a repository of exactly one Python package that releases no docs (the setting
// DocsManifest is empty), a tag vX.Y.Z publishes this package. In every other
// repository it is a release of the docs: the target does nothing and succeeds.
//
//	mage ci:tag devpi-v1.1.0
//	mage ci:tag "$GITHUB_REF" -promote
func (CI) Tag(ctx context.Context, ref string,
	dryrun *bool, // print the builds and pushes, write nothing
	promote *bool, // also write it into the manifests, as container:promote does
	sync *bool, // with -promote: let Argo CD deploy it, and wait
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		published, err := a.PublishTag(ctx, value(engine), ref, value(dryrun), tasks.Promoting{On: value(promote), Sync: value(sync)})
		return a.Result(published, err)
	})
}

// Ci validates, runs the tests, and builds changed containers.
//
// It runs three jobs in parallel:
//
//	validate     the target validate
//	tests        the command of the setting TestCommand
//	containers   builds the containers that container:changed lists, for
//	             their published platforms; pushes nothing
//
// Each job runs to its end, even if another fails. The name of the job is at the
// start of each of its lines.
//
// If all jobs pass, it prints their times. Otherwise it prints one line for each
// job, with the first problem. The exit status is 0; 1 if a job found a problem;
// 2 if a job could not run. In CI $GITHUB_STEP_SUMMARY gets a table.
//
//	mage ci
//	mage ci -only=validate,containers
//	mage ci -since=origin/main
func Ci(ctx context.Context,
	only *string, // names of jobs, such as validate,tests; default: all
	since *string, // revision: check and build only changes since then, without a registry
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error { // the name is Ci because CI is the namespace of ci:tag
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.CI(ctx, tasks.CIArgs{Only: value(only), Since: value(since), Engine: value(engine)})
	})
}
