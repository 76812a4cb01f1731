package forge

import (
	"encoding/json"
	"net/url"
	pathpkg "path"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// listedRun is a run or a task with the fields of every forge.
type listedRun struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"` // of a task: the job's
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"` // of Gitea's runs

	RunNumber int64 `json:"run_number"`
	Index     int64 `json:"index_in_repo"` // the later name of Forgejo's run_number

	Path       string `json:"path"` // Gitea's: FILE@REF
	WorkflowID string `json:"workflow_id"`
	HeadBranch string `json:"head_branch"` // also a tag's name, except in Gitea's runs
	PrettyRef  string `json:"prettyref"`   // the later name of Forgejo's head_branch
	HeadSHA    string `json:"head_sha"`
	CommitSHA  string `json:"commit_sha"` // the later name of Forgejo's head_sha

	HTMLURL      string `json:"html_url"`
	URL          string `json:"url"` // for people too if there is no html_url
	NeedApproval bool   `json:"need_approval"`
}

type listedRuns []listedRun

// of returns the runs of a tag. A branch may have the tag's name, and Forgejo's short form does not say which it is; on the tag's commit this
// does not matter.
func (all listedRuns) of(tag, commit string) (found listedRuns) {
	for _, l := range all {
		short := l.HeadBranch == tag || l.PrettyRef == tag
		_, ref, _ := strings.Cut(l.Path, "@")
		if (l.HeadSHA == commit || l.CommitSHA == commit) && (short && ref == "" || ref == "refs/tags/"+tag) {
			found = append(found, l)
		}
	}
	return found
}

func (l listedRun) run() vcs.Run {
	file, _, _ := strings.Cut(l.Path, "@")
	if file == "" {
		file = l.WorkflowID
	}
	return vcs.Run{
		ID: l.ID, Number: max(l.RunNumber, l.Index), Workflow: httpx.Clean(pathpkg.Base(file)), State: l.state(),
		URL: page(l.HTMLURL, l.URL), Approval: l.NeedApproval,
	}
}

func (l listedRun) state() vcs.RunState {
	if l.Path != "" {
		return giteaState(l.Status, l.Conclusion)
	}
	return forgejoState(l.Status)
}

// giteaState reads GitHub's states, as ToActionsStatus of Gitea's services/convert uses them: its "waiting" is Forgejo's "blocked".
func giteaState(status, conclusion string) vcs.RunState {
	switch status {
	case "queued":
		return vcs.RunWaiting
	case "waiting", "pending", "requested", "action_required":
		return vcs.RunBlocked
	case "in_progress":
		return vcs.RunRunning
	case "completed":
		return forgejoState(conclusion)
	}
	return vcs.RunUnknown
}

// forgejoState reads the states of Forgejo, which are those of the database (models/actions/status.go).
func forgejoState(status string) vcs.RunState {
	switch s := vcs.RunState(status); s {
	case vcs.RunWaiting, vcs.RunBlocked, vcs.RunRunning, vcs.RunSuccess, vcs.RunFailure, vcs.RunCancelled, vcs.RunSkipped:
		return s
	}
	return vcs.RunUnknown
}

// page is the first of some addresses that may be shown and opened.
func page(addresses ...string) string {
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && httpx.Clean(address) == address {
			return address
		}
	}
	return ""
}

// listedJob is a job with the fields of every forge.
type listedJob struct {
	ID         int64    `json:"id"`
	Name       string   `json:"name"`
	Status     string   `json:"status"`
	Conclusion string   `json:"conclusion"`
	Labels     []string `json:"labels"`
	RunsOn     []string `json:"runs_on"` // Forgejo's labels
	RunnerName string   `json:"runner_name"`
	HTMLURL    string   `json:"html_url"`
	Steps      []struct {
		Name      string    `json:"name"`
		StartedAt timestamp `json:"started_at"`
	} `json:"steps"` // Gitea's; their status is the job's, not the step's

	github bool // whether it has GitHub's states
}

// listedJobs is a list, or an object with a list as in Gitea.
type listedJobs []listedJob

// UnmarshalJSON implements json.Unmarshaler.
func (l *listedJobs) UnmarshalJSON(text []byte) error {
	var plain []listedJob
	if json.Unmarshal(text, &plain) == nil {
		*l = plain
		return nil
	}
	var wrapped struct{ Jobs []listedJob }
	if err := json.Unmarshal(text, &wrapped); err != nil {
		return err
	}
	*l = wrapped.Jobs
	for i := range *l {
		(*l)[i].github = true
	}
	return nil
}

func (l listedJob) job() vcs.Job {
	j := vcs.Job{ID: l.ID, Name: httpx.Clean(l.Name), State: forgejoState(l.Status), Runner: httpx.Clean(l.RunnerName), Step: httpx.Clean(l.step()), URL: page(l.HTMLURL)}
	if l.github {
		j.State = giteaState(l.Status, l.Conclusion)
	}
	for _, label := range append(l.Labels, l.RunsOn...) {
		j.Labels = append(j.Labels, httpx.Clean(label))
	}
	return j
}

// step is the last step that began.
func (l listedJob) step() string {
	last := ""
	for _, s := range l.Steps {
		if s.StartedAt.set() {
			last = s.Name
		}
	}
	return last
}

// ofTasks groups jobs into runs. A run has the state of its worst job, and is not over before all jobs are.
func ofTasks(tasks listedRuns) (runs []vcs.Run) {
	at := map[int64]int{}
	for _, l := range tasks {
		i, known := at[l.RunNumber]
		if !known {
			i = len(runs)
			at[l.RunNumber] = i
			run := l.run()
			run.ID = 0 // the ID is the task's
			runs = append(runs, run)
		}
		if s := l.state(); weight[s] > weight[runs[i].State] {
			runs[i].State = s
		}
	}
	return runs
}

// weight orders states: the state with the most weight is the run's.
var weight = map[vcs.RunState]int{
	vcs.RunSkipped: 0, vcs.RunSuccess: 1, vcs.RunCancelled: 2, vcs.RunFailure: 3, vcs.RunUnknown: 4, vcs.RunBlocked: 5, vcs.RunWaiting: 6, vcs.RunRunning: 7,
}

// jobsOfTasks are the jobs of a run, in the order in which they began.
func jobsOfTasks(tasks listedRuns, run vcs.Run) (jobs []vcs.Job) {
	for i := len(tasks) - 1; i >= 0; i-- {
		if l := tasks[i]; l.RunNumber == run.Number {
			jobs = append(jobs, vcs.Job{Name: httpx.Clean(l.Name), State: l.state(), URL: run.URL})
		}
	}
	return jobs
}
