package cijobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/cijobs"
)

// display records its input.
type display struct {
	name string
	all  *record
}

// record has the input of all displays of a pipeline.
type record struct {
	mu    sync.Mutex
	begun []string
	said  map[string]string
	ended map[string]cijobs.Result
}

func (r *record) begin(name string) cijobs.Display {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun = append(r.begun, name)
	return display{name, r}
}

func (d display) Write(p []byte) (int, error) {
	d.all.mu.Lock()
	defer d.all.mu.Unlock()
	if _, over := d.all.ended[d.name]; over {
		return 0, errors.New(d.name + " says something after its end")
	}
	d.all.said[d.name] += string(p)
	return len(p), nil
}

func (d display) End(result cijobs.Result) {
	d.all.mu.Lock()
	defer d.all.mu.Unlock()
	if _, again := d.all.ended[d.name]; again {
		result.Error += "ended twice"
	}
	d.all.ended[d.name] = result
}

func pipeline(jobs ...cijobs.Job) (cijobs.Pipeline, *record) {
	r := &record{said: map[string]string{}, ended: map[string]cijobs.Result{}}
	return cijobs.Pipeline{Jobs: jobs, Begin: r.begin}, r
}

// says is a job with the given output and outcome.
func says(name, text string, outcome cijobs.Outcome, err error) cijobs.Job {
	return cijobs.Job{Name: name, Run: func(_ context.Context, out io.Writer) (cijobs.Outcome, error) {
		_, writeErr := io.WriteString(out, text)
		return outcome, errors.Join(err, writeErr)
	}}
}

func TestAllPass(t *testing.T) {
	t.Parallel()
	p, shown := pipeline(says("validate", "fine\n", cijobs.Outcome{}, nil), says("containers", "", cijobs.Outcome{Note: "none changed"}, nil))
	results, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text := results.String(); !strings.HasPrefix(text, "validate 0.") || !strings.HasSuffix(text, "s (none changed)") || strings.Contains(text, "\n") {
		t.Errorf("the results are %q", text)
	}
	if out := results.Outputs(); len(out) != 1 || out["failed"] != "" {
		t.Errorf("outputs %v", out)
	}
	if shown.said["validate"] != "fine\n" || len(shown.ended) != 2 {
		t.Errorf("shown: %+v", shown)
	}
}

// Every job is reported, even if others fail.
func TestAllFailuresAreTold(t *testing.T) {
	t.Parallel()
	p, shown := pipeline(
		says("validate", "a.md:1: wrong\n", cijobs.Outcome{Findings: []string{"a.md:1: is\twrong | `very`", "b.md:2: \x1b[31mtoo\x1b[0m\nwrong"}}, nil),
		says("tests", "", cijobs.Outcome{}, nil),
		says("containers", "", cijobs.Outcome{Findings: []string{"lost"}}, errors.New("the registry\ndoes not answer")),
		cijobs.Job{Name: "broken", Run: func(context.Context, io.Writer) (cijobs.Outcome, error) { panic("out of order") }},
	)
	results, err := p.Run(t.Context())
	var failed *cijobs.Error
	if !errors.As(err, &failed) || failed.ExitStatus() != 2 {
		t.Fatalf("got %v", err)
	}
	want := "1 of 4 jobs failed: validate; 2 of 4 jobs could not run: containers, broken"
	if err.Error() != want || failed.Hint() != "-only=validate,containers,broken repeats them" {
		t.Errorf("got  %q, %q\nwant %q", err, failed.Hint(), want)
	}
	rows := strings.Split(results.String(), "\n")
	for i, want := range []string{"a.md:1: is wrong | `very` (and 1 more)", "", "the registry does not answer", "panic: out of order"} {
		if !strings.HasSuffix(strings.TrimSpace(rows[i]), want) || !strings.HasPrefix(rows[i], results[i].Job+" ") {
			t.Errorf("row %q", rows[i])
		}
	}
	if summary := results.Summary(); !strings.Contains(summary, "| `a.md:1: is wrong \\| 'very' (and 1 more)` |\n| tests | passed |") {
		t.Errorf("summary:\n%s", summary)
	}
	if got := results[0].Findings[1]; got != "b.md:2: too wrong" {
		t.Errorf("a finding is %q", got)
	}
	if out := results.Outputs()["failed"]; out != "validate,containers,broken" {
		t.Errorf("outputs %q", out)
	}
	if !strings.Contains(shown.said["broken"], "panic: out of order") || shown.ended["containers"].State != cijobs.Broken {
		t.Errorf("shown: %+v", shown)
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	p, _ := pipeline(says("tests", "", cijobs.Outcome{Findings: []string{"one"}}, nil))
	_, err := p.Run(t.Context())
	var failed *cijobs.Error
	if !errors.As(err, &failed) || failed.ExitStatus() != 1 || failed.Hint() != "" {
		t.Errorf("got %v, %q", err, failed.Hint())
	}
}

// Jobs run in parallel: each of these waits for the other.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	left, right := make(chan int), make(chan int)
	p, shown := pipeline(
		cijobs.Job{Name: "left", Run: func(context.Context, io.Writer) (cijobs.Outcome, error) {
			left <- 1
			<-right
			return cijobs.Outcome{}, nil
		}},
		cijobs.Job{Name: "right", Run: func(context.Context, io.Writer) (cijobs.Outcome, error) {
			<-left
			right <- 1
			return cijobs.Outcome{}, nil
		}},
	)
	if _, err := p.Run(t.Context()); err != nil || !slices.Equal(shown.begun, []string{"left", "right"}) {
		t.Errorf("%v, %v", err, shown.begun)
	}
}

// The end of the context ends all jobs, and is the error: their results are then ignored.
func TestStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("that is enough")
	waits := func(ctx context.Context, out io.Writer) (cijobs.Outcome, error) {
		<-ctx.Done()
		fmt.Fprintln(out, "stopping")
		return cijobs.Outcome{Findings: []string{"killed"}}, ctx.Err()
	}
	p, shown := pipeline(
		cijobs.Job{Name: "a", Run: waits}, cijobs.Job{Name: "b", Run: waits},
		cijobs.Job{Name: "c", Run: func(context.Context, io.Writer) (cijobs.Outcome, error) { stop(enough); return cijobs.Outcome{}, nil }},
	)
	results, err := p.Run(ctx)
	if !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
	for _, r := range results[:2] {
		if r.State != cijobs.Stopped || shown.said[r.Job] != "stopping\n" || shown.ended[r.Job].State != cijobs.Stopped {
			t.Errorf("%+v, shown %+v", r, shown)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	p, _ := pipeline(says("tests", "", cijobs.Outcome{Note: "x"}, nil))
	results, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	results[0].Seconds = 1.5
	for _, c := range []struct {
		results cijobs.Results
		want    string
	}{{results, `[{"job":"tests","result":"passed","seconds":1.5,"note":"x","findings":[],"error":""}]`}, {nil, `[]`}} {
		if got, err := json.Marshal(c.results); err != nil || string(got) != c.want {
			t.Errorf("got %s, %v", got, err)
		}
	}
	for seconds, want := range map[float64]string{0.04: "x 0.0s", 59.94: "x 59.9s", 59.96: "x 1m00s", 3723: "x 62m03s"} {
		if got := (cijobs.Results{{Job: "x", State: cijobs.Passed, Seconds: seconds}}).String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all := []cijobs.Job{{Name: "validate"}, {Name: "tests"}, {Name: "containers"}}
	for list, want := range map[string]string{"": "validate tests containers", "tests": "tests", "tests, validate,tests": "validate tests"} {
		chosen, err := cijobs.Choose(all, list)
		var names []string
		for _, j := range chosen {
			names = append(names, j.Name)
		}
		if strings.Join(names, " ") != want || err != nil {
			t.Errorf("%q: got %v, %v", list, names, err)
		}
	}
	for _, list := range []string{"test", "tests,", ",", "Tests"} {
		if _, err := cijobs.Choose(all, list); err == nil || !strings.Contains(err.Error(), "expected one of validate, tests, containers") {
			t.Errorf("%q: got %v", list, err)
		}
	}
}
