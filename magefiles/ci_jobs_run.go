//go:build mage

package main

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

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/command"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task/job"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/checks"
)

// jobs are those of the pipeline that were asked for. Nothing is begun before all arguments are known to be good.
func (r *runner) jobs(ctx context.Context, args ciArgs) ([]job.Job, error) {
	if err := r.known(ctx, args.since); err != nil {
		return nil, err
	}
	all := []job.Job{{Name: "validate", Run: r.validateJob(args.since)}}
	if isSet(r.TestCommand) {
		line, err := command.Split(r.TestCommand, os.Getenv)
		if err != nil {
			return nil, console.BadInput(fmt.Errorf("setting TestCommand: %w", err))
		}
		all = append(all, job.Job{Name: "tests", Run: r.testsJob(line)})
	}
	if _, err := r.engineOptions(args.engine); err != nil {
		return nil, err
	}
	all = append(all, job.Job{Name: "containers", Run: r.containersJob(args.since, args.engine)})
	for i := range all {
		all[i].Run = plainError(all[i].Run)
	}
	chosen, err := job.Choose(all, args.only)
	return chosen, console.BadInput(err)
}

// known refuses a revision that there is not.
func (r *runner) known(ctx context.Context, revision string) error {
	if revision == "" {
		return nil
	}
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv))
	if err == nil {
		_, err = git.Base(ctx, revision)
	}
	return console.BadInput(err)
}

// display shows a job as a step whose output is plain lines with its name, where there is no live view.
func (r *runner) display(name string) job.Display {
	r.progress.event(console.Event{Step: name, Name: name, State: console.Started})
	return display{&r.progress, name}
}

// display is a job.Display.
type display struct {
	progress *progress
	name     string
}

func (d display) Write(text []byte) (int, error) {
	d.progress.event(console.Event{Step: d.name, State: console.Log, Stream: 1, Data: text, Aloud: true})
	return len(text), nil
}

func (d display) End(result job.Result) {
	e := console.Event{Step: d.name, State: console.Done}
	if result.State != job.Passed {
		e.State = console.Failed // why is said once, at the end
	}
	if result.State == job.Stopped {
		e.Err = context.Canceled.Error()
	}
	d.progress.event(e)
}

// doing is the work of a job.
type doing func(ctx context.Context, out io.Writer) (job.Outcome, error)

// plainError has the error of a job say all, with its hint and without passwords in URLs, and the job say it last.
func plainError(do doing) doing {
	return func(ctx context.Context, out io.Writer) (job.Outcome, error) {
		outcome, err := do(ctx, out)
		if err = console.Exit(err); err != nil && ctx.Err() == nil {
			fmt.Fprintln(out, "error: "+err.Error())
		}
		return outcome, err
	}
}

// beside is a runner for one of several jobs. What it says goes to out, as plain lines.
func (r *runner) beside(name string, out io.Writer) *runner {
	c := &runner{settings: r.settings, root: r.root, files: r.files, stateAt: r.stateAt, cacheAt: r.cacheAt, secrets: r.secrets, format: console.Text, target: r.target, authorities: r.authorities, http: r.http}
	c.console = console.New(console.Options{Stdout: out, Stderr: out, Env: os.Getenv, Verbose: mg.Verbose(), Redactor: r.console.Redactor()})
	c.progress = progress{console: c.console, logs: r.progress.logs, title: "ci " + name}
	return c
}

func (r *runner) validateJob(since string) doing {
	return func(ctx context.Context, out io.Writer) (job.Outcome, error) {
		c, all := r.beside("validate", out), checks.All()
		found, err := c.examine(ctx, all, "", since)
		if err != nil {
			return job.Outcome{}, err
		}
		outcome := job.Outcome{}
		for _, f := range found.Findings {
			outcome.Findings = append(outcome.Findings, f.String())
		}
		err = c.found(found, all) // which shows it
		if len(found.Failures) == 0 {
			err = nil
		}
		return outcome, err
	}
}

// testGrace is how long tests may take to put things away after a signal: everything is over in 5 s.
const testGrace = 3 * time.Second

func (r *runner) testsJob(line []string) doing {
	return func(ctx context.Context, out io.Writer) (job.Outcome, error) {
		log := &job.TestLog{To: out}
		err := command.Command{Args: line, Dir: r.root, Env: os.Environ(), Output: log, Grace: testGrace}.Run(ctx)
		_ = log.Close() // it has nothing to lose
		var exit *exec.ExitError
		if err == nil || !errors.As(err, &exit) {
			return job.Outcome{}, err
		}
		findings := log.Findings()
		if len(findings) == 0 {
			findings = []string{cmp.Or(log.Last(), strings.Join(line, " ")) + " (" + exit.Error() + ")"}
		}
		tell(out, findings)
		return job.Outcome{Findings: findings}, nil
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
