package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/cijobs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/checks"
)

// display is a job.Display.
type display struct {
	progress *progress
	name     string
}

func (d display) Write(text []byte) (int, error) {
	d.progress.event(console.Event{Step: d.name, State: console.Log, Stream: 1, Data: text, Aloud: true})
	return len(text), nil
}

func (d display) End(result cijobs.Result) {
	e := console.Event{Step: d.name, State: console.Done}
	if result.State != cijobs.Passed {
		e.State = console.Failed // why is said once, at the end
	}
	if result.State == cijobs.Stopped {
		e.Err = context.Canceled.Error()
	}
	d.progress.event(e)
}

// doing is the work of a job.
type doing func(ctx context.Context, out io.Writer) (cijobs.Outcome, error)

// plainError has the error of a job say all, with its hint and without passwords in URLs, and the job say it last.
func plainError(do doing) doing {
	return func(ctx context.Context, out io.Writer) (cijobs.Outcome, error) {
		outcome, err := do(ctx, out)
		if err = console.Exit(err); err != nil && ctx.Err() == nil {
			fmt.Fprintln(out, "error: "+err.Error())
		}
		return outcome, err
	}
}

// beside is a runner for one of several jobs. What it says goes to out, as plain lines.
func (a *App) beside(name string, out io.Writer) *App {
	c := &App{Settings: a.Settings, verbose: a.verbose, getenv: a.getenv, root: a.root, files: a.files, stateAt: a.stateAt, cacheAt: a.cacheAt, secrets: a.secrets, format: console.Text, trusted: a.trusted}
	c.console = console.New(console.Options{Stdout: out, Stderr: out, Env: os.Getenv, Verbose: a.verbose, Redactor: a.console.Redactor()})
	c.progress = progress{console: c.console, logs: a.progress.logs, title: "ci " + name}
	return c
}

// testGrace is how long tests may take to put things away after a signal: everything is over in 5 s.
const testGrace = 3 * time.Second

func (a *App) testsJob(line []string) doing {
	return func(ctx context.Context, out io.Writer) (cijobs.Outcome, error) {
		log := &cijobs.TestLog{To: out}
		err := procgroup.Command{Args: line, Dir: a.root, Env: os.Environ(), Output: log, Grace: testGrace}.Run(ctx)
		_ = log.Close() // it has nothing to lose
		var exit *exec.ExitError
		if err == nil || !errors.As(err, &exit) {
			return cijobs.Outcome{}, err
		}
		findings := log.Findings()
		if len(findings) == 0 {
			findings = []string{cmp.Or(log.Last(), strings.Join(line, " ")) + " (" + exit.Error() + ")"}
		}
		tell(out, findings)
		return cijobs.Outcome{Findings: findings}, nil
	}
}

// maxTold is how many findings are repeated after all else that a job says.
const maxTold = 10

// tell has a job say last what is wrong, as what it said before may be long.
func tell(out io.Writer, findings []string) {
	for i, f := range findings {
		if i == maxTold {
			fmt.Fprintf(out, "and %d more\n", len(findings)-i)
			break
		}
		fmt.Fprintln(out, "wrong: "+f)
	}
}

func (a *App) validateJob(since string) doing {
	return func(ctx context.Context, out io.Writer) (cijobs.Outcome, error) {
		c, all := a.beside("validate", out), checks.All()
		found, err := c.examineFiles(ctx, tasks.ValidateArgs{Since: since})
		if err != nil {
			return cijobs.Outcome{}, err
		}
		outcome := cijobs.Outcome{}
		for _, f := range found.Failing() {
			outcome.Findings = append(outcome.Findings, f.String())
		}
		err = c.found(found, all) // which shows it
		if len(found.Failures) == 0 {
			err = nil
		}
		return outcome, err
	}
}
