package app

import (
	"errors"
	"maps"
	"os"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
)

// ciResult is a result that goes to the steps that follow in a CI job, and to the page of the job.
type ciResult interface {
	Outputs() map[string]string
	Summary() string
}

// ciOutput are the files that a CI job names for that.
func (a *App) ciOutput() console.Output {
	return console.Output{OutputFile: os.Getenv("GITHUB_OUTPUT"), SummaryFile: os.Getenv("GITHUB_STEP_SUMMARY"), Redactor: a.console.Redactor()}
}

// writeOutputs gives the result to the steps that follow in a CI job.
func (a *App) writeOutputs(result ciResult) error {
	job, values := a.ciOutput(), result.Outputs()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := job.Set(name, values[name]); err != nil {
			return err
		}
	}
	return job.Summary(result.Summary())
}

// writeOutputsBeside does so also where something else failed.
func (a *App) writeOutputsBeside(err error, dryRun bool, result ciResult) error {
	if dryRun {
		return err
	}
	return errors.Join(err, a.writeOutputs(result))
}
