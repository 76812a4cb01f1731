//go:build mage

package main

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task/job"
)

// Ci runs what a pipeline checks, side by side: validate, the tests, and a build of the containers that changed.
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
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		return r.ci(ctx, ciArgs{only: value(only), since: value(since), engine: value(engine)})
	})
}

// ciArgs are what a person gives.
type ciArgs struct{ only, since, engine string }

// ci runs the jobs, and shows what became of them.
func (r *runner) ci(ctx context.Context, args ciArgs) error {
	r.progress.title = "ci"
	jobs, err := r.jobs(ctx, args)
	if err != nil {
		return err
	}
	results, err := job.Pipeline{Jobs: jobs, Begin: r.display}.Run(ctx)
	if ctx.Err() != nil {
		return err
	}
	return r.result(results, r.handOnBeside(err, false, results))
}
