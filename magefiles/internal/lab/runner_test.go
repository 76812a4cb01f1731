package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// withRunner is a forge with a runner, and the home of the runner's jobs.
type withRunner struct {
	*Forge
	home string
}

// runnerForge is one forge with a runner for all tests. Each test uses its own repository.
var runnerForge = shared(PartForge, func() (withRunner, error) {
	f, err := StartForge(context.Background(), Home{}, ForgeOptions{Actions: true})
	if err != nil {
		return withRunner{}, err
	}
	atEnd(f.Close)
	dir, err := os.MkdirTemp("", "blumeops-runner-home-")
	if err != nil {
		return withRunner{}, err
	}
	atEnd(func() error { return os.RemoveAll(dir) })
	r, err := StartRunner(context.Background(), Home{}, RunnerOptions{
		Forge: f, Every: 100 * time.Millisecond, Env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir},
	})
	if err == nil {
		atEnd(r.Close)
	}
	return withRunner{f, dir}, err
})

// actions is a clone of a repository whose workflows run.
type actions struct {
	checkout
	forge withRunner
	path  string // of the repository in the forge's API
	token string
}

// repositories counts them, as a test may run more than once.
var repositories atomic.Int64

func newActions(t *testing.T, f withRunner) actions {
	t.Helper()
	name := fmt.Sprintf("%s-%d", strings.ToLower(t.Name()), repositories.Add(1))
	seedForge(t, f.Forge, name)
	must(t, f.EnableActions(t.Context(), f.Owner, name))
	token := forgeToken(t, f.Forge, "all")
	return actions{clone(t, f.CloneURL(f.Owner, name), f.GitEnv(f.Owner, token)...), f, "/api/v1/repos/" + f.Owner + "/" + name, token}
}

// push pushes a commit with a workflow of this name, and with a file.
func (a actions) push(workflow, text, file string) (commit string) {
	a.Helper()
	for name, text := range map[string]string{".forgejo/workflows/" + workflow: text, file: time.Now().String()} {
		path := filepath.Join(a.dir, name)
		must(a.T, os.MkdirAll(filepath.Dir(path), 0o755))
		must(a.T, os.WriteFile(path, []byte(text), 0o600))
	}
	a.git("add", ".")
	commit = a.commit()
	a.git("push", "--quiet", "origin", "HEAD:main")
	return commit
}

// actionsRun is a run of a workflow, or a job of one, in the forge's API.
type actionsRun struct {
	ID                 int64
	Status, Conclusion string
	HeadSHA            string `json:"head_sha"`
	Path               string
	Steps              []struct {
		Name    string
		Started time.Time `json:"started_at"` // Gitea reports the job's conclusion for each step, but this time is the step's own
	}
}

// runs are the runs of a workflow that a commit has started.
func (a actions) runs(workflow, commit string) []actionsRun {
	a.Helper()
	var all struct {
		Runs []actionsRun `json:"workflow_runs"`
	}
	must(a.T, a.forge.API(a.Context(), http.MethodGet, a.path+"/actions/runs?head_sha="+commit, a.token, nil, &all))
	return slices.DeleteFunc(all.Runs, func(r actionsRun) bool { return !strings.HasPrefix(r.Path, workflow+"@") })
}

// until waits until the only run of a workflow at a commit has the status.
func (a actions) until(workflow, commit, status string) actionsRun {
	a.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		runs := a.runs(workflow, commit)
		if len(runs) == 1 && runs[0].Status == status {
			return runs[0]
		}
		if len(runs) > 1 || time.Now().After(deadline) {
			a.Fatalf("runs of %s at %s: %+v; want one that is %s", workflow, commit, runs, status)
		}
	}
}

// ended is the only job of a run that has ended, and its log.
func (a actions) ended(workflow, commit string) (job actionsRun, log string) {
	a.Helper()
	run := a.until(workflow, commit, "completed")
	var all struct{ Jobs []actionsRun }
	must(a.T, a.forge.API(a.Context(), http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/jobs", a.path, run.ID), a.token, nil, &all))
	if len(all.Jobs) != 1 || all.Jobs[0].Conclusion != run.Conclusion {
		a.Fatalf("run %+v has jobs %+v", run, all.Jobs)
	}
	var text []byte
	must(a.T, a.forge.API(a.Context(), http.MethodGet, fmt.Sprintf("%s/actions/jobs/%d/logs", a.path, all.Jobs[0].ID), a.token, nil, &text))
	return all.Jobs[0], string(text)
}

const runnerSays = `on:
  push:
    branches: [main]
jobs:
  say:
    runs-on: docker
    steps:
      - name: Check out
        env:
          TOKEN: ${{ github.token }}
        run: |
          git init --quiet .
          git config credential.helper '!f() { echo username=token; echo "password=$TOKEN"; }; f'
          git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
          git fetch --quiet origin "$GITHUB_SHA"
          git checkout --quiet --detach "$GITHUB_SHA"
      - name: Say
        id: say
        env:
          KEY: ${{ secrets.KEY }}
          LINES: ${{ secrets.LINES }}
        run: |
          echo "at $(git rev-parse HEAD) on $GITHUB_REF_TYPE $GITHUB_REF by ${{ github.actor }}, ${{ vars.COLOUR }}, run $GITHUB_RUN_NUMBER"
          echo "the key is $KEY"
          echo "$LINES"
      - name: Not this
        if: github.ref_type == 'tag'
        run: echo "not this"
`

func TestRunner(t *testing.T) {
	a := newActions(t, runnerForge(t))
	name := filepath.Base(a.path)
	ctx := t.Context()
	must(t, errors.Join(
		a.forge.SetSecret(ctx, a.forge.Owner, name, "KEY", `canary "one"`), a.forge.SetSecret(ctx, a.forge.Owner, name, "LINES", "canary-two\ncanary-three\n"),
		a.forge.SetVariable(ctx, a.forge.Owner, name, "COLOUR", "red"), a.forge.SetVariable(ctx, a.forge.Owner, name, "COLOUR", "blue"),
	))
	commit := a.push("say.yaml", runnerSays, "a.txt")
	job, log := a.ended("say.yaml", commit)
	if job.Conclusion != "success" {
		t.Errorf("the job ended as %s:\n%s", job.Conclusion, log)
	}
	for _, text := range []string{"at " + commit + " on branch refs/heads/main by " + a.forge.Owner + ", blue, run 1\n", " the key is ***\n", " ***\n"} {
		if !strings.Contains(log, text) {
			t.Errorf("missing text in the log: %q:\n%s", text, log)
		}
	}
	if strings.Contains(log, "canary") || strings.Contains(log, "not this") {
		t.Errorf("the log says too much:\n%s", log)
	}
	var steps []string
	for _, s := range job.Steps {
		steps = append(steps, fmt.Sprint(s.Name, " ", s.Started.Unix() > 0))
	}
	if want := []string{"Check out true", "Say true", "Not this false"}; !slices.Equal(steps, want) {
		t.Errorf("steps: %q, want %q", steps, want)
	}
}

func TestRunnerFails(t *testing.T) {
	a := newActions(t, runnerForge(t))
	job, log := a.ended("fail.yaml", a.push("fail.yaml", "on: push\njobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: echo here; exit 3\n      - run: echo there\n", "a.txt"))
	if job.Conclusion != "failure" || !strings.Contains(log, " here\n") || strings.Contains(log, " there\n") {
		t.Errorf("%+v\n%s", job, log)
	}
	if len(job.Steps) != 2 || job.Steps[0].Started.Unix() <= 0 || job.Steps[1].Started.Unix() > 0 {
		t.Errorf("steps: %+v", job.Steps)
	}
}

// TestRunnerSkips has jobs that a runner without containers skips, or whose condition is false.
func TestRunnerSkips(t *testing.T) {
	a := newActions(t, runnerForge(t))
	for why, rest := range map[string]string{"requires a container": "container: debian:12", "condition is false": "if: github.ref_type == 'tag'"} {
		job, log := a.ended("skip.yaml", a.push("skip.yaml", "on: push\njobs:\n  a:\n    runs-on: docker\n    "+rest+"\n    steps:\n      - run: echo here\n", "a.txt"))
		if job.Conclusion != "skipped" || !strings.Contains(log, why) || strings.Contains(log, " here\n") {
			t.Errorf("%s: %+v\n%s", rest, job, log)
		}
	}
}

// TestRunnerFilters shows that the forge's filters decide which workflows run.
func TestRunnerFilters(t *testing.T) {
	a := newActions(t, runnerForge(t))
	const (
		steps  = "jobs:\n  a:\n    runs-on: docker\n    steps:\n      - run: echo \"ref $GITHUB_REF\"\n"
		all    = "on:\n  push:\n    branches: [main]\n" + steps
		filter = "on:\n  push:\n    branches: [main]\n    tags: ['*-v*']\n    paths: ['containers/**']\n" + steps
	)
	// The forge processes a push after it has answered it, with the branch's state at that time. So the test waits for the push that starts all
	// workflows.
	must(t, os.MkdirAll(filepath.Join(a.dir, ".forgejo", "workflows"), 0o755))
	must(t, os.WriteFile(filepath.Join(a.dir, ".forgejo", "workflows", "filter.yaml"), []byte(filter), 0o600))
	other := a.push("all.yaml", all, "docs/a.txt")
	a.ended("all.yaml", other)
	if runs := a.runs("filter.yaml", other); len(runs) != 0 {
		t.Errorf("a push outside of the paths has started %+v", runs)
	}
	matching := a.push("filter.yaml", filter, "containers/a/Dockerfile")
	if job, log := a.ended("filter.yaml", matching); job.Conclusion != "success" || !strings.Contains(log, "ref refs/heads/main\n") {
		t.Errorf("%+v\n%s", job, log)
	}
	a.git("push", "--quiet", "origin", other+":refs/tags/a-b-v1.0.0")
	if job, log := a.ended("filter.yaml", other); job.Conclusion != "success" || !strings.Contains(log, "ref refs/tags/a-b-v1.0.0\n") {
		t.Errorf("%+v\n%s", job, log)
	}
}

const runnerWaits = `on: push
concurrency:
  group: one
  cancel-in-progress: true
jobs:
  a:
    runs-on: docker
    steps:
      - run: |
          pid="$HOME/${GITHUB_REPOSITORY#*/}.pid"
          if [ -e "$pid" ]; then echo second; exit; fi
          setsid sleep 600 &
          echo $! >"$pid.new"; mv "$pid.new" "$pid"
          wait
`

// TestRunnerCancelled has a push whose run replaces another one.
func TestRunnerCancelled(t *testing.T) {
	a := newActions(t, runnerForge(t))
	first := a.push("wait.yaml", runnerWaits, "a.txt")
	a.until("wait.yaml", first, "in_progress")
	pid := a.jobsProcess()
	second := a.push("wait.yaml", runnerWaits, "a.txt")
	if job, log := a.ended("wait.yaml", second); job.Conclusion != "success" || !strings.Contains(log, " second\n") {
		t.Errorf("%+v\n%s", job, log)
	}
	if run := a.until("wait.yaml", first, "completed"); run.Conclusion != "cancelled" {
		t.Errorf("the first run ended as %s", run.Conclusion)
	}
	// The runner takes a job only after all processes of the one before have ended.
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) && !zombie(pid) {
		t.Errorf("process %d of the job that was cancelled is left: %v", pid, err)
	}
}

// jobsProcess waits until the job of runnerWaits has written the id of one of its processes.
func (a actions) jobsProcess() (pid int) {
	a.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(a.forge.home, filepath.Base(a.path)+".pid"))
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
			must(a.T, err)
			return pid
		}
		if time.Now().After(deadline) {
			a.Fatal(err)
		}
	}
}

// zombie reports whether a process has ended and was not waited for.
func zombie(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Contains(string(stat), ") Z ")
}
