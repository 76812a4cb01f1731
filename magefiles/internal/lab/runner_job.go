package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/runner"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// job runs the job of a task, in a temporary folder.
func (r *Runner) job(ctx context.Context, task *runnerv1.Task, report *runner.Report) runnerv1.Result {
	began, about := time.Now(), eventOf(task.Context)
	result, err := r.runJob(ctx, task, about, report)
	if err != nil {
		report.Line(runner.NoStep, err.Error())
		result = runnerv1.Result_RESULT_FAILURE
	}
	how := runner.ResultName(result)
	if ctx.Err() != nil {
		how = context.Cause(ctx).Error()
	}
	r.log.Printf("%s: job %s of %s at %s: %s after %.1f s", about.text("repository"), about.text("job"), about.text("workflow"), about.text("ref"), how,
		time.Since(began).Seconds())
	return result
}

func (r *Runner) runJob(ctx context.Context, task *runnerv1.Task, about event, report *runner.Report) (_ runnerv1.Result, err error) {
	job, err := readJob(task.WorkflowPayload)
	if err != nil {
		return 0, err
	}
	report.SetSteps(len(job.Steps))
	if !job.Container.IsZero() || !job.Services.IsZero() {
		report.Line(runner.NoStep, "this job requires a container, which the lab's runner does not support: it is skipped")
		return runnerv1.Result_RESULT_SKIPPED, nil
	}
	folder, err := scratch.Make("", "blumeops-job-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, folder.Remove()) }()
	dir := folder.Path
	file := filepath.Join(dir, "workflow.yaml")
	if err := os.WriteFile(file, task.WorkflowPayload, 0o600); err != nil {
		return 0, err
	}
	// act looks for a repository there, for data that the event does not have; the steps run elsewhere.
	if err := os.Mkdir(filepath.Join(dir, "checkout"), 0o700); err != nil {
		return 0, err
	}
	said := newActOutput(job, report)
	ran := r.home.act(ctx, r.workflowRun(task, about, filepath.Join(dir, "checkout")), file, said, "--json")
	return said.end(ran)
}

// workflowRun is act's input for a task.
func (r *Runner) workflowRun(task *runnerv1.Task, about event, checkout string) WorkflowRun {
	run := WorkflowRun{
		Checkout: checkout, Workflow: about.text("workflow"), Event: about.text("event_name"), Payload: about["event"],
		Server: strings.TrimSuffix(about.text("server_url"), "/"), Name: about.text("repository"), Actor: about.text("actor"),
		Ref: about.text("ref"), Commit: about.text("sha"), Label: r.options.Label,
		Env: maps.Clone(r.options.Env), Secrets: task.Secrets, Variables: task.Vars,
	}
	for variable, name := range map[string]string{
		"GITHUB_API_URL": "api_url", "GITHUB_BASE_REF": "base_ref", "GITHUB_HEAD_REF": "head_ref", "GITHUB_REF_NAME": "ref_name", "GITHUB_REF_TYPE": "ref_type",
		"GITHUB_REPOSITORY_OWNER": "repository_owner", "GITHUB_RUN_ATTEMPT": "run_attempt", "GITHUB_RUN_ID": "run_id", "GITHUB_RUN_NUMBER": "run_number",
	} {
		if value := about.text(name); value != "" {
			run.Env[variable] = value
		}
	}
	return run
}

// event is the forge's data about the event of a task: the context `github` of workflows.
type event map[string]any

func eventOf(s *structpb.Struct) event { return s.AsMap() }

// text is a text value of the context; "" if there is none.
func (e event) text(name string) string {
	value, _ := e[name].(string)
	return value
}

// end is the result of a job after act has ended.
func (a *actOutput) end(ran error) (runnerv1.Result, error) {
	a.flush()
	switch {
	case a.result == runnerv1.Result_RESULT_FAILURE:
		return a.result, nil // the log has the reason
	case ran != nil:
		return runnerv1.Result_RESULT_FAILURE, ran
	case a.result == runnerv1.Result_RESULT_UNSPECIFIED: // its `if` was false, which act does not report
		a.report.Line(runner.NoStep, "the job's condition is false: it is skipped")
		return runnerv1.Result_RESULT_SKIPPED, nil
	}
	return a.result, nil
}

// errNoJob is the error of a task without exactly one job.
func errNoJob(n int) error { return fmt.Errorf("the forge sent %d jobs in one task, expected 1", n) }
