package containerrelease

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Runs are the forge's runs for a tag.
type Runs interface {
	// Of lists the runs of a tag that is on a commit. ErrNoRuns: the forge has no API for runs.
	Of(ctx context.Context, tag, commit string) ([]vcs.Run, error)
	// Jobs lists the jobs of a run; none if the forge does not say.
	Jobs(context.Context, vcs.Run) ([]vcs.Job, error)
	// Log is the end of a job's log, in whole lines; "" if the forge does not give it.
	Log(context.Context, vcs.Job) (string, error)
}

// newestRun is the relevant run among those newer than a number: others may belong to a tag that was deleted and made again, or to
// workflows that publish nothing.
func newestRun(runs []vcs.Run, workflows []string, after int64) (found vcs.Run, ok bool) {
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

// stateOf is the state of a run, in a few words.
func stateOf(run vcs.Run, jobs []vcs.Job) string {
	var running []string
	for _, j := range jobs {
		if j.State == vcs.RunRunning {
			running = append(running, strings.TrimSuffix("job "+j.Name+": "+j.Step, ": "))
		}
	}
	switch {
	case len(running) > 0:
		return strings.Join(running, ", ")
	case run.Approval:
		return "wait for the approval of the run"
	case waitsForRunner(run, jobs):
		return "wait for a runner" + labelsOf(jobs)
	case run.State == vcs.RunBlocked:
		return "wait for another run"
	}
	return "wait for the forge"
}

// waitsForRunner reports whether a run waits for a missing runner. If one job is running, others may well wait.
func waitsForRunner(run vcs.Run, jobs []vcs.Job) bool {
	in := func(state vcs.RunState) bool {
		return slices.ContainsFunc(jobs, func(j vcs.Job) bool { return j.State == state })
	}
	return in(vcs.RunWaiting) && !in(vcs.RunRunning) || run.State == vcs.RunWaiting && len(jobs) == 0
}

// mattering are the jobs with those names; all if none has one, as names may hold expressions.
func mattering(jobs []vcs.Job, names []string) []vcs.Job {
	var found []vcs.Job
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

// tagJobs are the names of a workflow's jobs that publish the container of a tag, and of the jobs that these need; none if unknown.
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

// labelsOf are the labels that the runner of a waiting job must have, as in " (labels docker)".
func labelsOf(jobs []vcs.Job) string {
	var labels []string
	for _, j := range jobs {
		if j.State == vcs.RunWaiting {
			labels = append(labels, j.Labels...)
		}
	}
	slices.Sort(labels)
	if labels = slices.Compact(labels); len(labels) == 0 {
		return ""
	}
	return " (labels " + strings.Join(labels, ", ") + ")"
}

func workflowsOf(runs []vcs.Run) (names []string) {
	for _, r := range runs {
		names = append(names, r.Workflow)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// workflowFolders are the folders of workflows: a forge reads the first that exists.
var workflowFolders = []string{".forgejo/workflows", ".gitea/workflows", ".github/workflows"}

// tagTarget is the target that publishes the container of a tag in a workflow.
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

// skipping are the words in a commit's message for which a forge makes no run, not even for its tags (the default of SKIP_WORKFLOW_STRINGS).
var skipping = []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"}

// skips returns the word in a message for which a forge makes no run; "" for none.
func skips(message string) string {
	for _, word := range skipping {
		if strings.Contains(message, word) {
			return word
		}
	}
	return ""
}
