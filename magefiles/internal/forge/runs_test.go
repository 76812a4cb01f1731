package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// workflow is started by tags of containers; its job asks for a runner that does not exist.
const workflow = `on:
  push:
    tags: ["*-v*"]
jobs:
  tag:
    runs-on: nobody-has-this
    steps:
      - run: true
`

// seedActions makes a repository that has the workflow.
func seedActions(t *testing.T, name string) (r Repository, commit string) {
	t.Helper()
	f, dir, name := labForge(t), t.TempDir(), own(name)
	must(t, os.MkdirAll(filepath.Join(dir, ".forgejo/workflows"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, ".forgejo/workflows/build.yaml"), []byte(workflow), 0o600))
	commit, err := f.Seed(t.Context(), f.Owner, name, dir)
	must(t, err)
	must(t, f.EnableActions(t.Context(), f.Owner, name))
	return Repository{f.Owner, name}, commit
}

// TestTagRuns asks the real forge. Runs that proceed are tested with a runner, in package e2e/workflows.
func TestTagRuns(t *testing.T) {
	r, commit := seedActions(t, "runs")
	c := as(t, "read:repository")
	if runs, err := c.TagRuns(t.Context(), r, "devpi-v1.0.0", commit); err != nil || len(runs) > 0 {
		t.Fatalf("before the tag: %+v, %v", runs, err)
	}
	tag(t, r, "devpi-v1.0.0", commit)
	tag(t, r, "zot-v1.0.0", commit)
	var runs []vcs.Run
	for len(runs) == 0 { // the forge reads the workflow after it has answered the push
		var err error
		runs, err = c.TagRuns(t.Context(), r, "devpi-v1.0.0", commit)
		must(t, err)
		httpx.Sleep(t.Context(), 20*time.Millisecond)
	}
	run := runs[0]
	if len(runs) != 1 || run.ID == 0 || run.Number == 0 || run.Workflow != "build.yaml" || run.State != vcs.RunWaiting || run.Approval {
		t.Errorf("runs %+v", runs)
	}
	if want := fmt.Sprintf("%s/%s/actions/runs/", labForge(t).URL(), r); !strings.HasPrefix(run.URL, want) {
		t.Errorf("the run is at %q, want %s…", run.URL, want)
	}
	jobs, err := c.RunJobs(t.Context(), r, run)
	if err != nil || len(jobs) != 1 || jobs[0].Name != "tag" || jobs[0].State != vcs.RunWaiting || !slices.Equal(jobs[0].Labels, []string{"nobody-has-this"}) {
		t.Fatalf("jobs %+v, %v", jobs, err)
	}
	_, err = c.JobLog(t.Context(), r, jobs[0])
	c.want(t, err, ErrNotFound)
	if runs, err := c.TagRuns(t.Context(), r, "devpi-v1.0.0", strings.Repeat("1", 40)); err != nil || len(runs) > 0 {
		t.Errorf("of another commit: %+v, %v", runs, err)
	}
	_, err = c.TagRuns(t.Context(), Repository{r.Owner, "none"}, "devpi-v1.0.0", commit)
	c.want(t, err, ErrNotFound)
}

func TestPreflightOfRuns(t *testing.T) {
	r, _ := seedActions(t, "followed")
	need := Need{Repository: r, Runs: true}
	for _, c := range []struct{ scope, lacks string }{
		{"write:repository", "||"}, {"read:repository", "||"}, {"write:package", "|scope write:repository|scope read:repository"},
	} {
		as := as(t, c.scope)
		if got := outcome(t, as, as.Preflight(t.Context(), need)); got != c.lacks {
			t.Errorf("%s: lacks %q, want %q", c.scope, got, c.lacks)
		}
	}
	f := labForge(t)
	token, err := f.TokenOf(t.Context(), user(t, "stranger"), "everything", "all")
	must(t, err)
	stranger := with(t, f.URL(), token)
	if checks := stranger.Preflight(t.Context(), need); checks[2].Err != nil {
		t.Errorf("a public repository: %v", checks[2].Err)
	}
	off, _ := seed(t, "switched-off")
	c := as(t, "write:repository")
	c.want(t, c.Preflight(t.Context(), Need{Repository: off, Runs: true})[2].Err, ErrRejected, "Actions disabled", "enable them")
}

// words is a forge with the given answers, by path below the repository's.
func words(t *testing.T, answers map[string]string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		text, ok := answers[strings.TrimPrefix(q.URL.Path, "/api/v1/repos/eblume/blumeops/actions/")]
		if !ok {
			http.NotFound(w, q)
			return
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	c, err := New(Options{URL: server.URL, Retry: Retry{First: time.Millisecond}, Token: func(context.Context) (string, error) { return "t0p-secret-token", nil }})
	must(t, err)
	return c
}

var blumeops = Repository{"eblume", "blumeops"}

// TestWordsOfForges tests the answers of each forge against its source, without the fields that are not read.
func TestWordsOfForges(t *testing.T) {
	const sha = "1111111111111111111111111111111111111111"
	for name, forge := range map[string]struct {
		answers map[string]string
		run     vcs.Run
		jobs    []vcs.Job
	}{
		"Gitea 1.26": {
			map[string]string{
				"runs": `{"workflow_runs":[
					{"id":9,"html_url":"https://f.example/o/r/actions/runs/3","path":"build.yaml@refs/heads/devpi-v1.0.0","head_branch":"devpi-v1.0.0","head_sha":"` + sha + `","run_number":3,"status":"completed","conclusion":"failure"},
					{"id":8,"url":"https://f.example/api","html_url":"https://f.example/o/r/actions/runs/2","path":"build.yaml@refs/tags/devpi-v1.0.0","event":"push","run_number":2,"head_sha":"` + sha + `","status":"in_progress"}],"total_count":2}`,
				"runs/8/jobs": `{"jobs":[{"id":4,"html_url":"https://f.example/o/r/actions/runs/2/jobs/4","name":"tag","labels":["docker"],"status":"in_progress","runner_name":"r1","steps":[
					{"name":"Check out","status":"in_progress","started_at":"2026-01-01T00:00:00Z","completed_at":"2026-01-01T00:00:01Z"},
					{"name":"Publish","status":"in_progress","started_at":"2026-01-01T00:00:01Z","completed_at":"1970-01-01T00:00:00Z"},
					{"name":"After","started_at":"1970-01-01T00:00:00Z"}]},
					{"id":5,"name":"changed","labels":null,"status":"completed","conclusion":"skipped","steps":[]}, {"id":6,"name":"last","status":"waiting"}],"total_count":3}`,
			},
			vcs.Run{ID: 8, Number: 2, Workflow: "build.yaml", State: vcs.RunRunning, URL: "https://f.example/o/r/actions/runs/2"},
			[]vcs.Job{
				{ID: 4, Name: "tag", State: vcs.RunRunning, Labels: []string{"docker"}, Runner: "r1", Step: "Publish", URL: "https://f.example/o/r/actions/runs/2/jobs/4"},
				{ID: 5, Name: "changed", State: vcs.RunSkipped}, {ID: 6, Name: "last", State: vcs.RunBlocked},
			},
		},
		"Forgejo, newer": {
			map[string]string{
				"runs": `{"workflow_runs":[{"id":8,"title":"Mend","repository":{"id":1},"workflow_id":"build.yaml","index_in_repo":2,"trigger_user":null,"ScheduleID":0,"prettyref":"devpi-v1.0.0",
					"commit_sha":"` + sha + `","need_approval":true,"event":"push","event_payload":"{}","status":"waiting","started":"1970-01-01T00:00:00Z","duration":0,"html_url":"https://f.example/o/r/actions/runs/2"}]}`,
				"runs/8/jobs": `[{"id":4,"repo_id":1,"owner_id":1,"name":"tag","needs":null,"runs_on":["docker"],"task_id":0,"status":"waiting"}]`,
			},
			vcs.Run{ID: 8, Number: 2, Workflow: "build.yaml", State: vcs.RunWaiting, URL: "https://f.example/o/r/actions/runs/2", Approval: true},
			[]vcs.Job{{ID: 4, Name: "tag", State: vcs.RunWaiting, Labels: []string{"docker"}}},
		},
		"Forgejo, older": {
			map[string]string{
				"runs": `{"workflow_runs":[{"id":8,"name":"Mend","run_number":2,"event":"push","status":"blocked","head_branch":"devpi-v1.0.0","head_sha":"` + sha + `","workflow_id":"build.yaml","url":"https://f.example/o/r/actions/runs/2"}]}`,
				"tasks": `{"workflow_runs":[{"id":31,"name":"changed","head_branch":"devpi-v1.0.0","head_sha":"` + sha + `","run_number":2,"status":"running"},{"id":30,"name":"tag","run_number":2,"status":"success"},
					{"id":29,"name":"tag","run_number":1,"status":"failure"}]}`,
			},
			vcs.Run{ID: 8, Number: 2, Workflow: "build.yaml", State: vcs.RunBlocked, URL: "https://f.example/o/r/actions/runs/2"},
			[]vcs.Job{
				{Name: "tag", State: vcs.RunSuccess, URL: "https://f.example/o/r/actions/runs/2"},
				{Name: "changed", State: vcs.RunRunning, URL: "https://f.example/o/r/actions/runs/2"},
			},
		},
		"tasks": {
			map[string]string{"tasks": `{"workflow_runs":[
					{"id":31,"name":"later","head_branch":"devpi-v1.0.0","head_sha":"` + sha + `","run_number":2,"event":"push","status":"success","workflow_id":"build.yaml","url":"https://f.example/o/r/actions/runs/2"},
					{"id":30,"name":"tag","head_branch":"devpi-v1.0.0","head_sha":"` + sha + `","run_number":2,"event":"push","status":"failure","workflow_id":"build.yaml","url":"https://f.example/o/r/actions/runs/2"},
					{"id":29,"name":"tag","head_branch":"main","head_sha":"` + sha + `","run_number":1,"status":"running","workflow_id":"build.yaml"}]}`},
			vcs.Run{Number: 2, Workflow: "build.yaml", State: vcs.RunFailure, URL: "https://f.example/o/r/actions/runs/2"},
			[]vcs.Job{
				{Name: "tag", State: vcs.RunFailure, URL: "https://f.example/o/r/actions/runs/2"},
				{Name: "later", State: vcs.RunSuccess, URL: "https://f.example/o/r/actions/runs/2"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := words(t, forge.answers)
			runs, err := c.TagRuns(t.Context(), blumeops, "devpi-v1.0.0", sha)
			if err != nil || !slices.Equal(runs, []vcs.Run{forge.run}) {
				t.Fatalf("runs %+v, %v\nwant %+v", runs, err, forge.run)
			}
			jobs, err := c.RunJobs(t.Context(), blumeops, runs[0])
			if err != nil || fmt.Sprintf("%+v", jobs) != fmt.Sprintf("%+v", forge.jobs) {
				t.Errorf("jobs %+v, %v\nwant %+v", jobs, err, forge.jobs)
			}
		})
	}
}

func TestForgeWithoutRuns(t *testing.T) {
	c := words(t, nil)
	for _, ask := range []func() error{
		func() error { _, err := c.TagRuns(t.Context(), blumeops, "devpi-v1.0.0", "1"); return err },
		func() error { _, err := c.RunJobs(t.Context(), blumeops, vcs.Run{ID: 1, Number: 1}); return err },
		func() error { _, err := c.JobLog(t.Context(), blumeops, vcs.Job{Name: "tag"}); return err },
		func() error { _, err := c.JobLog(t.Context(), blumeops, vcs.Job{ID: 1, Name: "tag"}); return err },
	} {
		caller{c, "t0p-secret-token", &[]string{}}.want(t, ask(), ErrNotFound)
	}
	if check := c.checkRuns(t.Context(), Need{Repository: blumeops}); check.Err == nil {
		t.Error("a forge without the repository is fit to be followed")
	}
}

func TestJobLog(t *testing.T) {
	line := "2026-01-01T00:00:00.1234567Z "
	long := strings.Repeat(line+"work\n", 4000)
	c := words(t, map[string]string{
		"jobs/1/logs": line + "one\n" + line + "two with t0p-secret-token\nthree 2026-01-01T00:00:00Z x\n", "jobs/2/logs": "",
		"jobs/3/logs": long + line + "the end\n", "jobs/4/logs": strings.Repeat("x", 100<<10),
	})
	for id, want := range map[int64]string{1: "one\ntwo with ***\nthree 2026-01-01T00:00:00Z x\n", 2: ""} {
		if got, err := c.JobLog(t.Context(), blumeops, vcs.Job{ID: id}); err != nil || got != want {
			t.Errorf("%d: %q, %v", id, got, err)
		}
	}
	got, err := c.JobLog(t.Context(), blumeops, vcs.Job{ID: 3})
	if err != nil || !strings.HasPrefix(got, "work\nwork\n") || !strings.HasSuffix(got, "work\nthe end\n") || len(got) > logTail {
		t.Errorf("%d bytes, %v: %.40q", len(got), err, got)
	}
	if got, err := c.JobLog(t.Context(), blumeops, vcs.Job{ID: 4}); err != nil || len(got) != logTail {
		t.Errorf("one long line: %d bytes, %v", len(got), err)
	}
}

// TestRunsThatAreNoUse has answers that are not such a list.
func TestRunsThatAreNoUse(t *testing.T) {
	for _, text := range []string{"<html>login</html>", "", "[", "1", `{"workflow_runs":{}}`, `{"workflow_runs":[{"id":"x"}]}`, `{"jobs":1,"workflow_runs":1}`} {
		c := words(t, map[string]string{"runs": text})
		_, err := c.TagRuns(t.Context(), blumeops, "devpi-v1.0.0", "1")
		caller{c, "t0p-secret-token", &[]string{}}.want(t, err, ErrRejected)
	}
	for _, text := range []string{"<html>login</html>", "", "[", "1", `[{"id":"x"}]`, `{"jobs":1}`, `{"jobs":[{"steps":{}}]}`} {
		c := words(t, map[string]string{"runs/1/jobs": text})
		_, err := c.RunJobs(t.Context(), blumeops, vcs.Run{ID: 1})
		caller{c, "t0p-secret-token", &[]string{}}.want(t, err, ErrRejected)
	}
}
