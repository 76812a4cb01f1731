package forge

import (
	"context"
	"errors"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Runs are the runs of a repository.
type Runs struct {
	Client     *Client
	Repository Repository
}

// Of lists the runs of a tag that is on a commit. vcs.ErrNoRuns: the forge has no API for runs.
func (r Runs) Of(ctx context.Context, tag, commit string) ([]vcs.Run, error) {
	runs, err := r.Client.TagRuns(ctx, r.Repository, tag, commit)
	if errors.Is(err, ErrNotFound) {
		err = vcs.ErrNoRuns
	}
	return runs, err
}

// Jobs lists the jobs of a run; none if the forge has no API for jobs.
func (r Runs) Jobs(ctx context.Context, run vcs.Run) ([]vcs.Job, error) {
	jobs, err := r.Client.RunJobs(ctx, r.Repository, run)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return jobs, err
}

// Log is the end of a job's log, in whole lines; "" if the forge does not have it.
func (r Runs) Log(ctx context.Context, job vcs.Job) (string, error) {
	log, err := r.Client.JobLog(ctx, r.Repository, job)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return log, err
}

// Releases are the releases of a repository.
type Releases struct {
	Client     *Client
	Repository Repository
}

// Check checks that a release could be made, and makes none.
func (r Releases) Check(ctx context.Context) error {
	return Failures(r.Client.Preflight(ctx, Need{Repository: r.Repository, Releases: true}))
}

// Find returns the release of a tag; ok is false if there is none.
func (r Releases) Find(ctx context.Context, tag string) (found vcs.Release, ok bool, err error) {
	found, err = r.Client.ReleaseByTag(ctx, r.Repository, tag)
	if errors.Is(err, ErrNotFound) {
		return vcs.Release{}, false, nil
	}
	return found, err == nil, err
}

// Put makes or changes the release of a tag, which must name the commit, and returns its address.
func (r Releases) Put(ctx context.Context, commit string, release vcs.Release) (url string, err error) {
	put, err := r.Client.Announce(ctx, r.Repository, release, commit)
	return put.URL, err
}
