package task

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// TagRuns is what the forge tells of the runs that it makes of a tag.
type TagRuns interface {
	// Of lists the runs of a tag that is on a commit. ErrNoRuns: the forge cannot tell.
	Of(ctx context.Context, tag, commit string) ([]TagRun, error)
	// Jobs lists those of a run; none if the forge does not tell.
	Jobs(context.Context, TagRun) ([]RunJob, error)
	// Log is the end of a job's log, in whole lines; "" if the forge does not give it.
	Log(context.Context, RunJob) (string, error)
}

// ErrNoRuns says that a forge cannot tell of runs.
var ErrNoRuns = errors.New("the forge cannot tell of runs")

// RunState is how far a run, or a job of it, is.
type RunState string

// The states that make a difference. Skipped, Success, Failure and Cancelled are final.
const (
	RunWaiting   RunState = "waiting" // for a runner
	RunBlocked   RunState = "blocked" // by another run or job, or until somebody approves it
	RunRunning   RunState = "running"
	RunSuccess   RunState = "success"
	RunFailure   RunState = "failure"
	RunCancelled RunState = "cancelled"
	RunSkipped   RunState = "skipped"
)

// TagRun is what a forge makes of one workflow for a tag.
type TagRun struct {
	ID       int64
	Number   int64  // grows from run to run
	Workflow string // name of its file
	State    RunState
	URL      string // for people; "" if the forge gives none
	Approval bool   // somebody has to approve it
}

// RunJob is a job of a run.
type RunJob struct {
	ID     int64
	Name   string
	State  RunState
	Labels []string // that a runner has to have, if the forge tells
	Step   string   // that it is at, or was at last, if the forge tells
	URL    string   // for people; "" if the forge gives none
}

// newestRun is the one that counts of the runs that are newer than a number: others may follow a tag that was deleted and made again, or
// belong to workflows that publish nothing.
func newestRun(runs []TagRun, workflows []string, after int64) (found TagRun, ok bool) {
	for _, r := range runs {
		ours := len(workflows) == 0 || slices.ContainsFunc(workflows, func(file string) bool {
			return path.Base(file) == r.Workflow
		})
		if ours && r.Number > after && (!ok || r.Number > found.Number) {
			found, ok = r, true
		}
	}
	return found, ok
}

// stateOf is how far a run is, in a few words.
func stateOf(run TagRun, jobs []RunJob) string {
	var running []string
	for _, j := range jobs {
		if j.State == RunRunning {
			running = append(running, strings.TrimSuffix("job "+j.Name+": "+j.Step, ": "))
		}
	}
	switch {
	case len(running) > 0:
		return strings.Join(running, ", ")
	case run.Approval:
		return "wait until somebody approves the run"
	case waitsForRunner(run, jobs):
		return "wait for a runner" + labelsOf(jobs)
	case run.State == RunBlocked:
		return "wait for another run"
	}
	return "wait for the forge"
}

// waitsForRunner tells whether nothing is done because a runner is missing. Where one job runs another may well wait.
func waitsForRunner(run TagRun, jobs []RunJob) bool {
	in := func(state RunState) bool {
		return slices.ContainsFunc(jobs, func(j RunJob) bool { return j.State == state })
	}
	return in(RunWaiting) && !in(RunRunning) || run.State == RunWaiting && len(jobs) == 0
}

// mattering are the jobs of those names; all, if none has one: names may hold expressions.
func mattering(jobs []RunJob, names []string) []RunJob {
	var found []RunJob
	for _, j := range jobs {
		if slices.ContainsFunc(names, func(name string) bool { return j.Name == name || strings.HasPrefix(j.Name, name+" (") }) { // of a matrix
			found = append(found, j)
		}
	}
	if len(found) == 0 {
		return jobs
	}
	return found
}

// tagJobs are the names of the jobs of a workflow that publish the container of a tag, and of those that these need; none if that cannot be told.
func tagJobs(workflow []byte) (names []string) {
	var read struct {
		Jobs map[string]struct {
			Name  string
			Needs yaml.Node
			Steps []struct{ Run string }
		}
	}
	if yaml.Unmarshal(workflow, &read) != nil {
		return nil
	}
	seen := map[string]bool{}
	var add func(id string)
	add = func(id string) {
		job, ok := read.Jobs[id]
		if !ok || seen[id] {
			return
		}
		seen[id] = true
		names = append(names, cmp.Or(job.Name, id))
		var needs []string
		if job.Needs.Decode(&needs) != nil {
			needs = []string{job.Needs.Value}
		}
		for _, need := range needs {
			add(need)
		}
	}
	for id, job := range read.Jobs {
		if slices.ContainsFunc(job.Steps, func(s struct{ Run string }) bool { return strings.Contains(s.Run, tagTarget) }) {
			add(id)
		}
	}
	return names
}

// labelsOf are those that the runner of a waiting job has to have, as in « (labels docker)».
func labelsOf(jobs []RunJob) string {
	var labels []string
	for _, j := range jobs {
		if j.State == RunWaiting {
			labels = append(labels, j.Labels...)
		}
	}
	slices.Sort(labels)
	if labels = slices.Compact(labels); len(labels) == 0 {
		return ""
	}
	return " (labels " + strings.Join(labels, ", ") + ")"
}

func workflowsOf(runs []TagRun) (names []string) {
	for _, r := range runs {
		names = append(names, r.Workflow)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// workflowFolders is where forges look for workflows: in the first of them that is there.
var workflowFolders = []string{".forgejo/workflows", ".gitea/workflows", ".github/workflows"}

// tagTarget is what a workflow runs that publishes the container of a tag.
const tagTarget = "ci:tag"

// tagWorkflows are the paths of the workflows that publish the container of a tag.
func tagWorkflows(files fs.FS) (paths []string) {
	for _, folder := range workflowFolders {
		found, err := fs.ReadDir(files, folder)
		if err != nil {
			continue
		}
		for _, entry := range found {
			name := path.Join(folder, entry.Name())
			text, err := fs.ReadFile(files, name)
			if ext := path.Ext(name); err == nil && (ext == ".yaml" || ext == ".yml") && strings.Contains(string(text), tagTarget) {
				paths = append(paths, name)
			}
		}
		break
	}
	return paths
}

// skipping are the words in the message of a commit for which a forge makes no run, not for its tags either (SKIP_WORKFLOW_STRINGS, as it is
// where nobody sets it).
var skipping = []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"}

// skips is the word in a message for which a forge makes no run; "" for none.
func skips(message string) string {
	for _, word := range skipping {
		if strings.Contains(message, word) {
			return word
		}
	}
	return ""
}
