package forge

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// TagRuns lists the runs of a tag that is on a commit, newest first. ErrNotFound: the forge has no API for runs.
//
// There are three forms. Gitea from 1.24 on and Forgejo from 12 on list runs, each in its own terms
// (modules/structs/repo_actions.go, and action.go in Forgejo); older ones list tasks, which are the jobs that a runner took.
func (c *Client) TagRuns(ctx context.Context, r Repository, tag, commit string) ([]vcs.Run, error) {
	if err := c.check(r.Owner, r.Name); err != nil {
		return nil, err
	}
	listed, err := c.listRuns(ctx, r, "runs", url.Values{"head_sha": {commit}})
	if errors.Is(err, ErrNotFound) {
		listed, err = c.listRuns(ctx, r, "tasks", nil)
		return ofTasks(listed.of(tag, commit)), err
	}
	var runs []vcs.Run
	for _, l := range listed.of(tag, commit) {
		runs = append(runs, l.run())
	}
	return runs, err
}

// RunJobs lists the jobs of a run in the forge's order. ErrNotFound: the forge has no API for jobs.
func (c *Client) RunJobs(ctx context.Context, r Repository, run vcs.Run) ([]vcs.Job, error) {
	if err := c.check(r.Owner, r.Name); err != nil {
		return nil, err
	}
	var listed listedJobs
	err := error(c.fail(ErrNotFound, "list jobs", "has no API for jobs", ""))
	if run.ID != 0 {
		err = c.get(ctx, "list jobs of run "+strconv.FormatInt(run.Number, 10), readRepository(r),
			r.api("actions", "runs", strconv.FormatInt(run.ID, 10), "jobs"), onePage(nil), answer(&listed))
	}
	if errors.Is(err, ErrNotFound) {
		tasks, err := c.listRuns(ctx, r, "tasks", nil)
		return jobsOfTasks(tasks, run), err
	}
	var jobs []vcs.Job
	for _, l := range listed {
		jobs = append(jobs, l.job())
	}
	return jobs, err
}

func (c *Client) listRuns(ctx context.Context, r Repository, kind string, query url.Values) (listedRuns, error) {
	var found struct {
		Runs listedRuns `json:"workflow_runs"`
	}
	err := c.get(ctx, "list runs of "+r.String(), readRepository(r), r.api("actions", kind), onePage(query), answer(&found))
	return found.Runs, err
}

// checkRuns asks whether the repository's workflows run at all, and whether the token may read the runs. A forge without an API for runs
// passes.
func (c *Client) checkRuns(ctx context.Context, n Need) Check {
	check := Check{What: "follow runs of " + n.Repository.String()}
	var found struct {
		HasActions *bool `json:"has_actions"`
	}
	check.Err = c.get(ctx, "read repository "+n.Repository.String(), readRepository(n.Repository), n.Repository.api(), nil, answer(&found))
	if check.Err == nil && found.HasActions != nil && !*found.HasActions {
		check.Err = c.fail(ErrRejected, check.What, "has Actions disabled for the repository", "enable them in the repository's settings")
	}
	if check.Err != nil {
		return check
	}
	if _, check.Err = c.TagRuns(ctx, n.Repository, impossible, impossible); errors.Is(check.Err, ErrNotFound) {
		check.Err, check.Detail = nil, "this forge has no API for runs"
	}
	return check
}

// onePage limits a request to one page: forges list the newest first.
func onePage(query url.Values) url.Values {
	all := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for name, values := range query {
		all[name] = values
	}
	return all
}
