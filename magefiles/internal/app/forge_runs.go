package app

import (
	"context"
	"errors"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/containerrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
)

// tagRuns is a containerrelease.Runs.
type tagRuns struct {
	client     *forge.Client
	repository forge.Repository
}

func (r tagRuns) Of(ctx context.Context, tag, commit string) ([]containerrelease.Run, error) {
	found, err := r.client.TagRuns(ctx, r.repository, tag, commit)
	if errors.Is(err, forge.ErrNotFound) {
		err = containerrelease.ErrNoRuns
	}
	runs := make([]containerrelease.Run, len(found))
	for i, f := range found {
		runs[i] = containerrelease.Run{ID: f.ID, Number: f.Number, Workflow: f.Workflow, State: containerrelease.RunState(f.State), URL: f.URL, Approval: f.Approval}
	}
	return runs, err
}

func (r tagRuns) Jobs(ctx context.Context, run containerrelease.Run) ([]containerrelease.Job, error) {
	found, err := r.client.RunJobs(ctx, r.repository, forge.Run{ID: run.ID, Number: run.Number, URL: run.URL})
	if errors.Is(err, forge.ErrNotFound) {
		err = nil // nor of jobs, then
	}
	jobs := make([]containerrelease.Job, len(found))
	for i, f := range found {
		jobs[i] = containerrelease.Job{ID: f.ID, Name: f.Name, State: containerrelease.RunState(f.State), Labels: f.Labels, Step: f.Step, URL: f.URL}
	}
	return jobs, err
}

func (r tagRuns) Log(ctx context.Context, job containerrelease.Job) (string, error) {
	log, err := r.client.JobLog(ctx, r.repository, forge.Job{ID: job.ID, Name: job.Name})
	if errors.Is(err, forge.ErrNotFound) {
		return "", nil
	}
	return log, err
}
