// Package cijobs runs the jobs of a pipeline in parallel, and reports the result of each.
package cijobs

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Job is a part of a pipeline that depends on no other part.
type Job struct {
	// Name is short, and unique in its pipeline: it is the prefix of each line of the job, and the value of -only.
	Name string
	// Run does the work, and writes its output to out. Mistakes that it finds are in the outcome; an error says that the job could
	// not do its work, and overrides the outcome.
	Run func(ctx context.Context, out io.Writer) (Outcome, error)
}

// Outcome is the outcome of a job.
type Outcome struct {
	Findings []string // the most important first; none: success. A result has each on one line, cut; the log has the full text
	Note     string   // the work, in a few words; "" if the name says it
}

// Display shows a job while it runs.
type Display interface {
	// Write takes output of the job, cut anywhere. Jobs write concurrently, each to its own display.
	io.Writer
	// End is called once, after the last Write.
	End(Result)
}

// Pipeline is a list of jobs that run in parallel.
type Pipeline struct {
	Jobs []Job
	// Begin, if set, is called when a job begins, and returns its display.
	Begin func(job string) Display
}

// Run runs all jobs in parallel. A failure does not stop the others. The results are in the order of the jobs; the error is an *[Error] if
// a job did not pass, and that of ctx if it ended.
func (p Pipeline) Run(ctx context.Context) (Results, error) {
	results := make(Results, len(p.Jobs))
	var group sync.WaitGroup
	for i, j := range p.Jobs {
		display := Display(nowhere{})
		if p.Begin != nil {
			display = p.Begin(j.Name)
		}
		group.Go(func() {
			results[i] = j.result(ctx, display)
			display.End(results[i])
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return results, context.Cause(ctx)
	}
	return results, results.err()
}

// result runs the job.
func (j Job) result(ctx context.Context, out io.Writer) Result {
	began := time.Now()
	outcome, err := j.try(ctx, out)
	r := Result{Job: j.Name, State: Passed, Seconds: float64(time.Since(began).Milliseconds()) / 1000, Findings: make([]string, len(outcome.Findings)), Note: plain.OneLine(outcome.Note)}
	for i, f := range outcome.Findings {
		r.Findings[i] = plain.OneLine(f)
	}
	switch {
	case ctx.Err() != nil:
		r.State = Stopped
	case err != nil:
		r.State, r.Error = Broken, plain.OneLine(err.Error())
	case len(r.Findings) > 0:
		r.State = Failed
	}
	return r
}

// try runs the job; a panic of it does not affect the others.
func (j Job) try(ctx context.Context, out io.Writer) (outcome Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(out, "panic: %v\n%s", r, debug.Stack())
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return j.Run(ctx, out)
}

// nowhere is a Display that discards everything.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) End(Result)                  {}
