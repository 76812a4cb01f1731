package argo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Want is the commit to deploy, with options.
type Want struct {
	Commit string // its whole hash

	// Contains reports whether a revision, a whole hash that Argo CD names, is the commit or a descendant of it. It is not called for the commit
	// itself, and after an answer not again for the same revision. After an error it is called again. nil: only the commit itself is accepted.
	Contains func(ctx context.Context, revision string) (bool, error)

	Timeout  time.Duration    // of the whole deployment; 0 is 5 minutes
	Progress func(p Progress) // called when the thing that Deploy waits for changes; nil: not called
}

// Progress says what Deploy waits for.
type Progress struct {
	Says    string     // a clause, such as "it is synced, but Progressing"
	Holding []Resource // resources that it waits for, the worst first
}

// String is one line.
func (p Progress) String() string {
	if len(p.Holding) == 0 {
		return p.Says
	}
	return p.Says + ": " + list(p.Holding)
}

// Deploy has Argo CD deploy a commit, and returns the state once a sync to a revision that contains it has succeeded, and the Application is
// in sync with such a revision and healthy. It may be called again, and finds the earlier work: for an Application that is deployed already
// it returns immediately, and it waits for a running operation.
//
// With auto-sync on, Argo CD is given time to begin by itself. Deploy waits until the timeout while health is not Healthy, even if it is Degraded:
// a rollout may pass through that, and so may a pod that waits for another. A failed sync is final. The error is an *Error, or why ctx ended; the
// state that was seen last is returned with it.
func (c *Client) Deploy(ctx context.Context, app string, want Want) (State, error) {
	if !commitHash.MatchString(want.Commit) {
		return State{}, c.fail(app, &Error{Kind: ErrRejected, Problem: fmt.Sprintf("%q is not a full commit hash", plain.OneLine(want.Commit))})
	}
	want.Timeout = cmp.Or(want.Timeout, 5*time.Minute)
	within, cancel := context.WithTimeoutCause(ctx, want.Timeout, errDeadline)
	defer cancel()
	d := &deployment{
		Client: c, app: app, want: want,
		memory: memory{poll: cmp.Or(c.Poll, time.Second)}, known: map[string]bool{want.Commit: true},
		failures: map[action]int{},
	}
	state, err := d.run(within)
	if errors.Is(err, errDeadline) {
		err = d.timeoutError(ctx)
	}
	if err != nil && d.memory.newest != nil {
		state = d.memory.newest.state()
	}
	return state, err
}

var errDeadline = errors.New("timeout")

// deployment is one Deploy.
type deployment struct {
	*Client
	app  string
	want Want

	memory   memory
	known    map[string]bool // which revisions contain the commit
	last     verdict
	reported string
	failures map[action]int // failed requests by action, since the latest success of that action
	trouble  error          // why the latest request, or the latest call of Contains, failed
}

func (d *deployment) run(ctx context.Context) (State, error) {
	for next := poll; ; {
		a, err := d.do(ctx, next)
		if err != nil {
			if err := d.tolerate(ctx, next, err); err != nil {
				return State{}, err
			}
			next = poll
			continue
		}
		switch next = d.consider(ctx, a); next {
		case finish:
			return a.state(), nil
		case giveUp:
			return State{}, d.explain(a)
		case poll:
			if err := httpx.Sleep(ctx, d.memory.poll); err != nil {
				return State{}, err
			}
		}
	}
}

// do makes the request of an action, once, and returns the state in the answer.
func (d *deployment) do(ctx context.Context, next action) (*application, error) {
	r := get(d.app, "applications/"+d.app)
	switch next {
	case refresh:
		r.query, r.within = "refresh=hard", refreshTime
	case syncNow:
		_, prunes := d.memory.newest.auto()
		r.method, r.path, r.body = http.MethodPost, r.path+"/sync", map[string]any{"prune": prunes}
		d.memory.tried = true
	}
	a, err := d.readOnce(ctx, r)
	if err != nil {
		return nil, err
	}
	d.failures[next] = 0
	switch next {
	case refresh:
		d.memory.refreshes, d.memory.refreshed = d.memory.refreshes+1, time.Now()
	case syncNow:
		d.memory.syncs, d.memory.asked = d.memory.syncs+1, time.Now()
	}
	if d.failures[refresh]+d.failures[syncNow] == 0 {
		d.trouble = nil
	}
	return a, nil
}

// consider judges a state.
func (d *deployment) consider(ctx context.Context, a *application) action {
	if !d.memory.accept(a) {
		d.report(Progress{Says: "it answers with an older state than before"})
		return poll
	}
	d.last = judge(a, func(revision string) bool { return d.contains(ctx, revision) })
	if d.last.stage != deployed {
		d.report(Progress{Says: d.last.says, Holding: d.last.holding})
	}
	return d.memory.decide(d.last, time.Now())
}

// contains reports whether a revision is the commit or a descendant of it, as far as known.
func (d *deployment) contains(ctx context.Context, revision string) bool {
	if is, known := d.known[revision]; known || !commitHash.MatchString(revision) || d.want.Contains == nil {
		return is
	}
	is, err := d.want.Contains(ctx, revision)
	if err != nil {
		d.trouble = fmt.Errorf("cannot find out whether %s contains the commit: %w", short(revision), err)
		return false
	}
	d.known[revision] = is
	return is
}

// report reports a progress that differs from the last one.
func (d *deployment) report(p Progress) {
	if text := p.String(); d.want.Progress != nil && text != d.reported {
		d.reported = text
		d.want.Progress(p)
	}
}

// tolerate waits after a temporary error of an action, and returns any other error, explained.
func (d *deployment) tolerate(ctx context.Context, of action, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	d.failures[of]++
	caller := d.caller()
	switch {
	case errors.Is(err, errBusy):
		d.report(Progress{Says: e.Problem})
	case e.Kind == ErrWindow && of == syncNow:
		return d.blocked(ctx, d.memory.newest)
	case e.Kind == ErrDenied && of == syncNow:
		return d.denied(ctx, d.memory.newest, "sync", e)
	case e.Kind == ErrDenied:
		return d.notVisible(ctx, d.app, e)
	case !caller.Explain(err).Temporary, explained(err) && d.failures[of] >= caller.Retry.Times():
		return err
	default:
		d.trouble = err
		if d.Log != nil {
			d.Log(fmt.Sprintf("%v; retry in %s", err, caller.Retry.Pause(d.failures[of])))
		}
	}
	return httpx.Sleep(ctx, caller.Retry.Pause(d.failures[of]))
}
