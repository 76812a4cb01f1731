package app

import (
	"context"
	"fmt"
	"os"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/cijobs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// CI runs the jobs, and shows what became of them.
func (a *App) CI(ctx context.Context, args tasks.CIArgs) error {
	a.progress.title = "ci"
	jobs, err := a.jobs(ctx, args)
	if err != nil {
		return err
	}
	results, err := cijobs.Pipeline{Jobs: jobs, Begin: a.display}.Run(ctx)
	if ctx.Err() != nil {
		return err
	}
	return a.Result(results, a.writeOutputsBeside(err, false, results))
}

// jobs are those of the pipeline that were asked for. Nothing is begun before all arguments are known to be good.
func (a *App) jobs(ctx context.Context, args tasks.CIArgs) ([]cijobs.Job, error) {
	if err := a.known(ctx, args.Since); err != nil {
		return nil, err
	}
	all := []cijobs.Job{{Name: "validate", Run: a.validateJob(args.Since)}}
	if settings.IsSet(a.TestCommand) {
		line, err := procgroup.Split(a.TestCommand, os.Getenv)
		if err != nil {
			return nil, console.BadInput(fmt.Errorf("setting TestCommand: %w", err))
		}
		all = append(all, cijobs.Job{Name: "tests", Run: a.testsJob(line)})
	}
	if _, err := a.engineOptions(args.Engine); err != nil {
		return nil, err
	}
	all = append(all, cijobs.Job{Name: "containers", Run: a.containersJob(args.Since, args.Engine)})
	for i := range all {
		all[i].Run = plainError(all[i].Run)
	}
	chosen, err := cijobs.Choose(all, args.Only)
	return chosen, console.BadInput(err)
}

// known refuses a revision that there is not.
func (a *App) known(ctx context.Context, revision string) error {
	if revision == "" {
		return nil
	}
	git, err := a.git()
	if err == nil {
		_, err = git.Base(ctx, revision)
	}
	return console.BadInput(err)
}

// display shows a job as a step whose output is plain lines with its name, where there is no live view.
func (a *App) display(name string) cijobs.Display {
	a.progress.event(console.Event{Step: name, Name: name, State: console.Started})
	return display{&a.progress, name}
}
