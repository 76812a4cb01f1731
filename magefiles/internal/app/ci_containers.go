package app

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/build"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changed"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/cijobs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// containersJob builds the containers that have changed.
func (a *App) containersJob(since, choice string) doing {
	return func(ctx context.Context, out io.Writer) (cijobs.Outcome, error) {
		c := a.beside("containers", out)
		changes, err := c.changedHere(ctx, since)
		var unusable *image.ContainerError
		if err != nil && !errors.As(err, &unusable) {
			return cijobs.Outcome{}, &unaskedError{err, since}
		}
		results, failed := c.buildChanged(ctx, choice, changes)
		failed = c.settle(failed) // the view of the builds goes before what is said of them
		if failed != nil && results == nil {
			return cijobs.Outcome{}, failed
		}
		outcome := cijobs.Outcome{Note: note(changes), Findings: append(faults(err), unbuilt(results)...)}
		tell(out, outcome.Findings)
		return outcome, nil
	}
}

// changedHere is the list of container:changed, and containers with changes in the working tree, because the working tree is built.
func (a *App) changedHere(ctx context.Context, since string) (changed.Containers, error) {
	changes, err := a.Changed(ctx, since, "")
	var unusable *image.ContainerError
	if since != "" || err != nil && !errors.As(err, &unusable) {
		return changes, err
	}
	uncommitted, here := a.Changed(ctx, "HEAD", "")
	for _, one := range uncommitted {
		if !slices.Contains(changes.Names(), one.Name) {
			changes = append(changes, one)
		}
	}
	if err == nil {
		err = here
	}
	return changes, err
}

// buildChanged builds containers some at a time, as publishMany does. There are no results if nothing can be built at all; otherwise the
// error is of all that failed.
func (a *App) buildChanged(ctx context.Context, choice string, changes changed.Containers) ([]build.Outcome, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	for _, one := range changes {
		a.console.Note(string(one.Name) + ": " + one.Why)
	}
	opts, err := a.engineOptions(choice)
	if err != nil {
		return nil, err
	}
	platforms, err := a.Platforms()
	if err != nil {
		return nil, console.BadInput(err)
	}
	one, err := a.imageBuilder(choice)
	if err != nil {
		return nil, err
	}
	if _, ok := one.(builder); ok { // else the builders are connected to when they are needed
		if _, err = a.session.connect(ctx, opts); err != nil {
			return nil, err
		}
	}
	results := build.Many{
		Platforms: platforms, Each: func(name image.Name) build.Build { return a.buildAlongside(one, name) },
	}.Run(ctx, changes.Names())
	var failed []error
	for _, result := range results {
		failed = append(failed, result.Err)
	}
	return results, errors.Join(failed...)
}

// buildAlongside is a build that runs beside others: what it shows of itself has its container's name before it.
func (a *App) buildAlongside(one image.Builder, name image.Name) build.Build {
	l := &lane{progress: &a.progress, name: string(name)}
	return build.Build{Files: a.workTree(), Builder: inLane(one, l), Watch: l.step}
}

// note says what was built.
func note(changes changed.Containers) string {
	if len(changes) == 0 {
		return "none changed"
	}
	names := make([]string, len(changes))
	for i, one := range changes {
		names[i] = string(one.Name)
	}
	return "built " + strings.Join(names, ", ")
}

// faults are the folders that cannot be used.
func faults(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// unbuilt are the containers that could not be built, and why.
func unbuilt(results []build.Outcome) []string {
	var findings []string
	for _, r := range results {
		if r.Err != nil {
			findings = append(findings, string(r.Name)+": "+strings.ReplaceAll(console.Exit(r.Err).Error(), "\n", " "))
		}
	}
	return findings
}

// unaskedError says that what has changed could not be found out.
type unaskedError struct {
	err   error
	since string
}

func (e *unaskedError) Error() string { return "list changed containers: " + e.err.Error() }
func (e *unaskedError) Unwrap() error { return e.err }

// Hint says what to do, if the error itself does not.
func (e *unaskedError) Hint() string {
	var own console.Hinter
	switch {
	case errors.As(e.err, &own) && own.Hint() != "":
		return own.Hint()
	case e.since == "":
		return "use -since=REV: it compares with a revision, without a registry"
	}
	return ""
}
