package app

import (
	"context"
	"errors"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

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
