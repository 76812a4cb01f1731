package containerrelease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Intervals and limits of following a run.
const (
	lookOften  = time.Second      // between two requests for the run
	lookSeldom = 5 * time.Second  // the same, after runnerSoon, and for the registry
	runSoon    = time.Minute      // a forge makes its run at the push, or never
	runnerSoon = 15 * time.Second // an idle runner asks every 2 s
	maxMisses  = 10               // failed requests in a row, each after the adapter's own retries: the forge may be restarting
)

// errPatience ends the waiting.
var errPatience = errors.New("timeout")

// following is the state of one Follow.
type following struct {
	*releasing
	workflows []string // paths of the workflows that publish a tag; none: any may
	begun     time.Time
	run       vcs.Run   // once there is one
	all       []vcs.Job // of the run
	jobs      []vcs.Job // those of the run that publish, and those that they need
	idle      time.Time // since when no runner takes one of these jobs; zero: none waits for one
	ran       bool      // a runner has taken one
	shown     string    // the last printed state
	end       func(error)
	warned    bool // printed the warning that no runner takes it
}

// mayFollow refuses to follow a tag that cannot give a run, while there is no tag yet.
func (c *releasing) mayFollow(ctx context.Context) error {
	if len(tagWorkflows(c.Publish.Files)) == 0 {
		step.Say(c.Warn, fmt.Sprintf("no workflow of this repository runs %s: any run of the tag is followed", tagTarget))
	}
	runs, err := c.Follow.Runs.Of(ctx, c.tag.String(), c.commit.Hash)
	if errors.Is(err, vcs.ErrNoRuns) {
		step.Say(c.Warn, "this forge does not report runs: the registry is watched instead")
		return nil
	}
	for _, r := range runs {
		c.newest = max(c.newest, r.Number)
	}
	c.told = err == nil
	return err
}

// skipped refuses a commit whose tag would start nothing; without Follow it is a warning.
func (c *releasing) skipped() error {
	if c.Message == nil {
		return nil
	}
	message, err := c.Message(c.commit.Hash)
	if err != nil {
		return err
	}
	word := skips(message)
	if word == "" {
		return nil
	}
	refusal := &skippedRunError{Commit: c.commit.Hash, Word: word}
	if c.Follow != nil {
		return refusal
	}
	step.Say(c.Warn, refusal.Error()+"; "+refusal.Hint())
	return nil
}

// followSteps are the steps after the tag.
func (c *releasing) followSteps() []step.Step {
	return []step.Step{{Name: "wait for the run of " + c.tag.String(), Run: c.follow}, {Name: "read the image back", Run: c.readBack}}
}

func (c *releasing) follow(ctx context.Context) error {
	if c.status == step.StatusUnchanged {
		c.newest = 0
		if there, err := c.published(ctx); there || err != nil {
			return err
		}
	}
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if c.Follow.Timeout > 0 {
		waiting, cancel = context.WithTimeoutCause(ctx, c.Follow.Timeout, errPatience)
	}
	defer cancel()
	f := &following{releasing: c, workflows: tagWorkflows(c.Publish.Files), begun: time.Now(), end: func(error) {}}
	err := f.wait(waiting)
	f.end(err)
	c.run = f.run.URL
	switch {
	case err != nil && ctx.Err() != nil:
		step.Say(c.Warn, fmt.Sprintf("tag %s stays at the forge, and its run continues: %s", c.tag, f.page()))
		return context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errPatience):
		return &slowRunError{Tag: c.tag, Image: c.imageName(), Run: f.run, Idle: !f.idle.IsZero() && !f.ran, Jobs: f.jobs, After: c.Follow.Timeout, Page: f.page()}
	}
	return err
}

// page is the page of the run, or else of all runs.
func (f *following) page() string { return cmp.Or(f.run.URL, f.Follow.Page) }

// wait polls until the run is over.
func (f *following) wait(ctx context.Context) error {
	misses := 0
	for ctx.Err() == nil {
		over, err := f.look(ctx)
		switch {
		case errors.Is(err, vcs.ErrNoRuns) && !f.told: // otherwise something on the way answers instead
			return f.watchRegistry(ctx)
		case over:
			return err
		case err == nil:
			misses = 0
		default:
			if misses++; misses >= maxMisses {
				return fmt.Errorf("%w; tag %s stays at the forge, and its run continues: %s", err, f.tag, f.page())
			}
		}
		f.pause(ctx)
	}
	return ctx.Err()
}

func (f *following) pause(ctx context.Context) {
	d := lookOften
	if time.Since(f.begun) > runnerSoon {
		d = lookSeldom
	}
	rest(ctx, d)
}

// rest waits for a duration, or until the context ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// look reads the state of the run once. An error while the run is not over is a failed request.
func (f *following) look(ctx context.Context) (over bool, err error) {
	runs, err := f.Follow.Runs.Of(ctx, f.tag.String(), f.commit.Hash)
	if err != nil {
		return false, err
	}
	f.told = true
	run, ok := newestRun(runs, f.workflows, f.newest)
	if !ok {
		return f.noRun(ctx, runs)
	}
	if f.run.Number != run.Number {
		step.Say(f.Note, fmt.Sprintf("run %d of %s: %s", run.Number, run.Workflow, cmp.Or(run.URL, f.Follow.Page)))
	}
	f.run = run
	if run.State == vcs.RunSuccess || run.State == vcs.RunSkipped {
		return true, nil // the registry decides
	}
	f.all, err = f.Follow.Runs.Jobs(ctx, run)
	f.jobs = mattering(f.all, f.names(run))
	switch {
	case run.State == vcs.RunFailure || run.State == vcs.RunCancelled:
		return true, f.failed(ctx)
	case err != nil:
		return false, err
	}
	f.show(stateOf(run, f.jobs))
	f.warnOfRunner()
	return false, nil
}

// noRun gives up if no run appears, unless the image exists nevertheless.
func (f *following) noRun(ctx context.Context, others []vcs.Run) (over bool, err error) {
	if time.Since(f.begun) < runSoon {
		f.show("wait until the forge makes a run")
		return false, nil
	}
	if there, err := f.published(ctx); there || err != nil {
		return true, err
	}
	return true, &noRunError{Tag: f.tag, Workflows: f.workflows, Others: workflowsOf(others), After: runSoon, Page: f.Follow.Page}
}

// show makes a step for each state of the run.
func (f *following) show(state string) {
	if state == f.shown {
		return
	}
	f.end(nil)
	f.shown, f.end = state, func(error) {}
	if f.Watch != nil {
		f.end = f.Watch(state)
	}
}

// names are the names of the jobs that publish.
func (f *following) names(run vcs.Run) []string {
	for _, name := range f.workflows {
		if text, err := fs.ReadFile(f.Publish.Files, name); err == nil && path.Base(name) == run.Workflow {
			return tagJobs(text)
		}
	}
	return nil
}

// warnOfRunner warns once that no runner takes a job, if one has waited for long.
func (f *following) warnOfRunner() {
	f.ran = f.ran || slices.ContainsFunc(f.jobs, func(j vcs.Job) bool { return j.State == vcs.RunRunning || j.State == vcs.RunSuccess })
	switch {
	case !waitsForRunner(f.run, f.jobs):
		f.idle = time.Time{}
	case f.idle.IsZero():
		f.idle = time.Now()
	case !f.warned && time.Since(f.idle) > runnerSoon:
		f.warned = true
		step.Say(f.Warn, fmt.Sprintf("no runner has taken it yet%s: %s", labelsOf(f.jobs), f.page()))
	}
}

// failed names the failed job, and shows its last lines.
func (f *following) failed(ctx context.Context) error {
	failure := &runFailedError{Tag: f.tag, Run: f.run, Page: f.page()}
	i := slices.IndexFunc(f.all, func(j vcs.Job) bool { return j.State == f.run.State })
	if i < 0 {
		return failure
	}
	failure.Job = f.all[i]
	failure.Page = cmp.Or(failure.Job.URL, failure.Page)
	log, err := f.Follow.Runs.Log(ctx, failure.Job)
	switch {
	case err != nil:
		step.Say(f.Warn, fmt.Sprintf("cannot read the log of job %s: %v", failure.Job.Name, err))
	case log != "" && f.Follow.Tell != nil:
		f.show("last lines of job " + failure.Job.Name)
		f.Follow.Tell(strings.TrimRight(log, "\n"))
	}
	return failure
}

// watchRegistry polls the registry if the forge has no API for runs.
func (f *following) watchRegistry(ctx context.Context) error {
	f.show("wait until the registry has it: the forge does not report runs")
	for misses := 0; ctx.Err() == nil; rest(ctx, lookSeldom) {
		there, err := f.published(ctx)
		var taken *publish.TakenError
		switch {
		case there, errors.As(err, &taken):
			return err
		case err == nil:
			misses = 0
		default:
			if misses++; misses >= maxMisses {
				return err
			}
		}
	}
	return ctx.Err()
}

// published reports whether the registry has the image of this commit under the version.
func (c *releasing) published(ctx context.Context) (bool, error) {
	ref, err := c.imageOf(c.tag.Version.String())
	if err != nil {
		return false, err
	}
	found, ok, err := c.Publish.Registry.Look(ctx, ref)
	if err != nil || !ok {
		return false, err
	}
	ours, err := c.Publish.IsOf(ctx, found, c.commit.Hash)
	if err != nil {
		return false, err
	}
	if !ours {
		return false, publish.WithoutForce(&publish.TakenError{Reference: ref, Found: found, Revision: c.commit.Hash, Platforms: found.Platforms})
	}
	c.reference = ref.WithDigest(found.Digest)
	return true, nil
}

func (c *releasing) readBack(ctx context.Context) error {
	there, err := c.published(ctx)
	if err == nil && !there {
		err = &unpublishedError{Tag: c.tag, Image: c.imageName(), Run: c.run}
	}
	return err
}

func (c *releasing) imageName() string {
	ref, err := image.NewReference(c.Publish.Host, c.Publish.Namespace, c.tag.Name, c.tag.Version)
	if err != nil {
		return c.tag.String()
	}
	return ref.String()
}
