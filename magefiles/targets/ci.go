package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// CI is what the workflows of the forge run.
type CI mg.Namespace

// Tag publishes the container that a pushed tag names: devpi-v1.1.0 publishes devpi as v1.1.0.
//
// REF is the tag, with or without refs/tags/ before it. What is checked out has to be the
// commit that the tag is on at the forge; if the tag was moved or taken back meanwhile,
// nothing is published. All else is as with container:publish: a run that is repeated
// finds the work done, wherever its promotion has brought the checkout.
//
// A tag vX.Y.Z releases the documentation: it is no container's, and nothing is done.
//
//	mage ci:tag devpi-v1.1.0
//	mage ci:tag "$GITHUB_REF" -promote
func (CI) Tag(ctx context.Context, ref string,
	dryrun *bool, // say what would be built and pushed, and write nothing
	promote *bool, // have the manifests name it then, as container:promote does
	sync *bool, // with -promote: have Argo CD deploy it, and wait
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		published, err := a.PublishTag(ctx, value(engine), ref, value(dryrun), tasks.Promoting{On: value(promote), Sync: value(sync)})
		return a.Result(published, err)
	})
}

// Ci runs what a pipeline checks, side by side: validate, the tests, and a build of changed containers.
//
// The jobs are validate; tests, which runs the command of the setting TestCommand; and
// containers, which builds what container:changed names, for the platforms that it is
// published for, and pushes nothing. Each runs to its end, whatever becomes of the
// others. What a job says has its name before each line.
//
// Prints the times of the jobs where all is well, and else a line for each with the
// first thing that is wrong. The exit status is 0, or 1 if a job found something wrong,
// or 2 if one could not do its work. In CI $GITHUB_STEP_SUMMARY gets a table.
//
//	mage ci
//	mage ci -only=validate,containers
//	mage ci -since=origin/main
func Ci(ctx context.Context,
	only *string, // names of jobs, as in validate,tests; default: all
	since *string, // revision: validate what changed since, build the containers that did, and ask no registry
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error { // of this spelling because CI is the namespace of ci:tag
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.CI(ctx, tasks.CIArgs{Only: value(only), Since: value(since), Engine: value(engine)})
	})
}
