package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/runner"
)

// workflowJob is the part of a job that the runner reads.
type workflowJob struct {
	Steps []struct {
		ID string `yaml:"id"`
	} `yaml:"steps"`
	Container yaml.Node `yaml:"container"`
	Services  yaml.Node `yaml:"services"`
}

// readJob reads a workflow that has one job, as forges send it.
func readJob(payload []byte) (workflowJob, error) {
	var workflow struct {
		Jobs map[string]workflowJob `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(payload, &workflow); err != nil {
		return workflowJob{}, fmt.Errorf("workflow of the task: %w", err)
	}
	for _, job := range workflow.Jobs {
		if len(workflow.Jobs) == 1 {
			return job, nil
		}
	}
	return workflowJob{}, errNoJob(len(workflow.Jobs))
}

// jobReport receives the progress of a job: a runner.Report.
type jobReport interface {
	Line(step int, text string)
	EndStep(step int, result runnerv1.Result)
}

// actOutput passes on the output of act with --json.
type actOutput struct {
	report jobReport
	steps  map[string]int // their numbers, by their ids
	result runnerv1.Result
	rest   []byte // of an incomplete line
}

func newActOutput(job workflowJob, report jobReport) *actOutput {
	a := &actOutput{report: report, steps: map[string]int{}}
	for i, s := range job.Steps {
		if s.ID == "" {
			s.ID = strconv.Itoa(i) // the same as act's
		}
		a.steps[s.ID] = i
	}
	return a
}

// Write accepts any part of the output. It never fails.
func (a *actOutput) Write(text []byte) (int, error) {
	n := len(text)
	for {
		line, rest, complete := bytes.Cut(text, []byte("\n"))
		a.rest = append(a.rest, line...)
		if !complete {
			return n, nil
		}
		a.line(a.rest)
		a.rest, text = a.rest[:0], rest
	}
}

// flush processes a last line without a line end.
func (a *actOutput) flush() {
	if len(a.rest) > 0 {
		a.line(a.rest)
		a.rest = nil
	}
}

// actLine is a line of act's output: an entry of logrus, with act's own fields (pkg/runner/job_executor.go and step.go there).
type actLine struct {
	Message    string   `json:"msg"`
	Level      string   `json:"level"`
	JobID      string   `json:"jobID"`  // "" in act's own messages, such as which Docker it would use
	Stage      string   `json:"stage"`  // of a step: Pre, Main, Post
	StepID     []string `json:"stepID"` // nested, if a step is an action
	StepResult string   `json:"stepResult"`
	JobResult  string   `json:"jobResult"`
}

// readActLine reads a line. A line in another format, such as the last one on stderr, is a message.
func readActLine(text []byte) actLine {
	var line actLine
	if err := json.Unmarshal(text, &line); err != nil {
		return actLine{Message: string(text)}
	}
	return line
}

func (a *actOutput) line(text []byte) {
	line, step := readActLine(text), runner.NoStep
	if line.JobID == "" && line.Level == "info" {
		return
	}
	if line.Stage == "Main" && len(line.StepID) == 1 {
		if number, known := a.steps[line.StepID[0]]; known {
			step = number
		}
	}
	a.report.Line(step, line.Message)
	if result, ended := actResults[line.StepResult]; ended {
		a.report.EndStep(step, result)
	}
	if result, ended := actResults[line.JobResult]; ended {
		a.result = result
	}
}

var actResults = map[string]runnerv1.Result{
	"success": runnerv1.Result_RESULT_SUCCESS, "failure": runnerv1.Result_RESULT_FAILURE, "skipped": runnerv1.Result_RESULT_SKIPPED,
}
