//go:build mage

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// waiting are -wait and -timeout.
type waiting struct {
	on      bool
	timeout *time.Duration
}

// runTimeout is of a run that builds a large image for two platforms, on a runner that may have another one to finish first.
const runTimeout = 30 * time.Minute

func (w waiting) patience() (time.Duration, error) {
	switch {
	case w.timeout == nil:
		return runTimeout, nil
	case !w.on:
		return 0, console.BadInput(errors.New("-timeout wants -wait: without it nothing is waited for"))
	case *w.timeout <= 0:
		return 0, console.BadInput(fmt.Errorf("-timeout: %s is no time to wait; want one as in 45m", *w.timeout))
	}
	return *w.timeout, nil
}

// tagRuns is a task.TagRuns.
type tagRuns struct {
	client     *forge.Client
	repository forge.Repository
}

func (r tagRuns) Of(ctx context.Context, tag, commit string) ([]task.TagRun, error) {
	found, err := r.client.TagRuns(ctx, r.repository, tag, commit)
	if errors.Is(err, forge.ErrNotFound) {
		err = task.ErrNoRuns
	}
	runs := make([]task.TagRun, len(found))
	for i, f := range found {
		runs[i] = task.TagRun{ID: f.ID, Number: f.Number, Workflow: f.Workflow, State: task.RunState(f.State), URL: f.URL, Approval: f.Approval}
	}
	return runs, err
}

func (r tagRuns) Jobs(ctx context.Context, run task.TagRun) ([]task.RunJob, error) {
	found, err := r.client.RunJobs(ctx, r.repository, forge.Run{ID: run.ID, Number: run.Number, URL: run.URL})
	if errors.Is(err, forge.ErrNotFound) {
		err = nil // nor of jobs, then
	}
	jobs := make([]task.RunJob, len(found))
	for i, f := range found {
		jobs[i] = task.RunJob{ID: f.ID, Name: f.Name, State: task.RunState(f.State), Labels: f.Labels, Step: f.Step, URL: f.URL}
	}
	return jobs, err
}

func (r tagRuns) Log(ctx context.Context, job task.RunJob) (string, error) {
	log, err := r.client.JobLog(ctx, r.repository, forge.Job{ID: job.ID, Name: job.Name})
	if errors.Is(err, forge.ErrNotFound) {
		return "", nil
	}
	return log, err
}
