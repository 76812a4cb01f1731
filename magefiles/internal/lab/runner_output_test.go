package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
)

// told is a report that a test reads.
type told []string

func (t *told) Line(step int, text string) { *t = append(*t, fmt.Sprintf("%d: %s", step, text)) }

func (t *told) EndStep(step int, result runnerv1.Result) {
	*t = append(*t, fmt.Sprintf("%d ends: %s", step, result))
}

// actSays is the shortened output of a run of act v0.2.89 with --json.
const actSays = `{"level":"info","msg":"Using docker host 'unix:///none.sock', and daemon socket 'unix:///none.sock'","time":"2026-11-22T06:00:00Z"}
{"dryrun":false,"job":"w/say","jobID":"say","level":"info","matrix":{},"msg":"⭐ Run Main Check out","stage":"Main","step":"Check out","stepID":["0"],"time":"2026-11-22T06:00:00Z"}
{"dryrun":false,"job":"w/say","jobID":"say","level":"info","matrix":{},"msg":"here","raw_output":true,"stage":"Main","step":"Check out","stepID":["0"],"time":"2026-11-22T06:00:01Z"}
{"job":"w/say","jobID":"say","level":"info","msg":"  ✅  Success - Main Check out","stage":"Main","step":"Check out","stepID":["0"],"stepResult":"success","time":"2026-11-22T06:00:01Z"}
{"job":"w/say","jobID":"say","level":"info","msg":"  ❌  Failure - Main Say","stage":"Main","step":"Say","stepID":["said"],"stepResult":"failure","time":"2026-11-22T06:00:01Z"}
{"job":"w/say","jobID":"say","jobResult":"failure","level":"info","msg":"🏁  Job failed","time":"2026-11-22T06:00:01Z"}
Error: Job 'say' failed`

func TestActOutput(t *testing.T) {
	job, err := readJob([]byte("jobs:\n  say:\n    steps:\n      - run: echo\n      - run: exit 1\n        id: said\n"))
	must(t, err)
	var got told
	a := newActOutput(job, &got)
	for chunk := range slices.Chunk([]byte(actSays), 7) {
		_, _ = a.Write(chunk)
	}
	a.flush()
	want := told{
		"0: ⭐ Run Main Check out", "0: here", "0:   ✅  Success - Main Check out", "0 ends: RESULT_SUCCESS", "1:   ❌  Failure - Main Say", "1 ends: RESULT_FAILURE",
		"-1: 🏁  Job failed", "-1: Error: Job 'say' failed",
	}
	if !slices.Equal(got, want) || a.result != runnerv1.Result_RESULT_FAILURE {
		t.Errorf("%s\n%s", a.result, strings.Join(got, "\n"))
	}
}

func TestReadJob(t *testing.T) {
	for payload, why := range map[string]string{"jobs: {}": "0 jobs", "jobs: {a: {}, b: {}}": "2 jobs", "jobs: [": "workflow of the task"} {
		if _, err := readJob([]byte(payload)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// FuzzActOutput: the result must not depend on the pieces in which the output is written.
func FuzzActOutput(f *testing.F) {
	f.Add([]byte(actSays), 10)
	f.Add([]byte("\n\n{\"msg\":3}\n{}\nnull"), 1)
	f.Add([]byte("{\"stage\":\"Main\",\"stepID\":[\"0\"],\"stepResult\":\"skipped\"}"), 3)
	job, err := readJob([]byte("jobs: {a: {steps: [{run: a}, {run: b, id: said}]}}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		var whole, cut told
		a, b := newActOutput(job, &whole), newActOutput(job, &cut)
		_, _ = a.Write(text)
		for chunk := range slices.Chunk(text, min(max(size, 1), 1<<10)) {
			_, _ = b.Write(chunk)
		}
		a.flush()
		b.flush()
		if !slices.Equal(whole, cut) || a.result != b.result {
			t.Errorf("%q\nin pieces: %q", whole, cut)
		}
	})
}
