// Package runner speaks the protocol with which runners of Gitea and Forgejo fetch jobs and report on them. It does not run jobs and does not
// read workflows: its caller does.
//
// The messages and the service are those of code.gitea.io/actions-proto-go. Gitea's implementation is in its folder routers/api/actions/runner.
package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"code.gitea.io/actions-proto-go/runner/v1/runnerv1connect"
	"connectrpc.com/connect"
)

// Identity identifies a runner to a forge. It must be kept secret.
type Identity struct {
	UUID  string `json:"uuid"`
	Token string `json:"token"`
	Task  int64  `json:"task,omitempty"` // the running task; 0 for none
}

// Options are the settings of a runner at a forge.
type Options struct {
	URL    string             // of the forge, without a slash at its end
	HTTP   connect.HTTPClient // client for requests to it
	Name   string             // among its runners
	Labels []string           // labels of the jobs that it runs

	Identity Identity                                            // of the last time; the zero value is a new runner
	Save     func(Identity) error                                // saves it; called before and after each task
	Admit    func(ctx context.Context) (token string, err error) // returns a registration token, if the forge does not know the runner

	// Job runs a task to its end, or until ctx ends, and returns its result. Its output goes to the report.
	Job func(ctx context.Context, task *runnerv1.Task, report *Report) runnerv1.Result

	Log   func(line string) // receives errors of the forge
	Every time.Duration     // interval of requests for a task, and of reports on one
}

// Runner is registered at its forge, and runs one task at a time.
type Runner struct {
	options Options
	service runnerv1connect.RunnerServiceClient
	tasks   int64 // version of the forge's list of tasks that had none for us; 0 for not known
}

// Connect registers a runner at its forge. A task that it did not finish the last time has failed.
func Connect(ctx context.Context, o Options) (*Runner, error) {
	r := &Runner{options: o}
	r.service = runnerv1connect.NewRunnerServiceClient(o.HTTP, o.URL+"/api/actions", connect.WithInterceptors(r.identify()))
	err := r.declare(ctx)
	if err != nil && strings.Contains(err.Error(), "unregistered runner") { // there is no code for it: Gitea's error type is from another library
		if err = r.register(ctx); err == nil {
			err = r.declare(ctx)
		}
	}
	if err == nil && r.options.Identity.Task != 0 {
		err = r.failUnfinished(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("runner %s of %s: %w", o.Name, o.URL, err)
	}
	return r, nil
}

// identify adds the runner's identity to each request.
func (r *Runner) identify() connect.Interceptor {
	return connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, question connect.AnyRequest) (connect.AnyResponse, error) {
			question.Header().Set("x-runner-uuid", r.options.Identity.UUID)
			question.Header().Set("x-runner-token", r.options.Identity.Token)
			return next(ctx, question)
		}
	})
}

func (r *Runner) declare(ctx context.Context) error {
	_, err := r.service.Declare(ctx, connect.NewRequest(&runnerv1.DeclareRequest{Version: version, Labels: r.options.Labels}))
	return err
}

// version is the version that the forge shows. The forge does not check it.
const version = "blumeops-lab"

func (r *Runner) register(ctx context.Context) error {
	token, err := r.options.Admit(ctx)
	if err != nil {
		return fmt.Errorf("registration token: %w", err)
	}
	answer, err := r.service.Register(ctx, connect.NewRequest(&runnerv1.RegisterRequest{
		Name: r.options.Name, Token: token, Version: version, Labels: r.options.Labels,
	}))
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return r.save(Identity{UUID: answer.Msg.Runner.Uuid, Token: answer.Msg.Runner.Token})
}

func (r *Runner) save(i Identity) error {
	r.options.Identity = i
	if err := r.options.Save(i); err != nil {
		return fmt.Errorf("store the identity: %w", err)
	}
	return nil
}

// failUnfinished ends the task of a runner that was killed. Otherwise the forge would treat it as running for ten minutes.
func (r *Runner) failUnfinished(ctx context.Context) error {
	report := newReport(r.service, &runnerv1.Task{Id: r.options.Identity.Task})
	report.Line(NoStep, "the runner ended during this job")
	// The log may be complete on the forge, or the task may be unknown there: then there is nothing to end.
	if err := report.end(ctx, runnerv1.Result_RESULT_FAILURE); err != nil {
		r.options.Log(fmt.Sprintf("unfinished task %d: %v", r.options.Identity.Task, err))
	}
	i := r.options.Identity
	i.Task = 0
	return r.save(i)
}

// Serve fetches and runs tasks until ctx ends. A task that is running then is ended, and has failed.
func (r *Runner) Serve(ctx context.Context) {
	for ctx.Err() == nil {
		task, err := r.fetch(ctx)
		if err == nil && task != nil {
			err = r.run(ctx, task)
		}
		if err != nil && ctx.Err() == nil {
			r.options.Log(err.Error())
		}
		if task == nil {
			pause(ctx, r.options.Every)
		}
	}
}

// endTime is the time limit of a request that must not be interrupted. It is longer than any such request takes.
const endTime = 10 * time.Second

// fetch returns the next task, nil if there is none. A sent request is not interrupted, because the task in its answer is already assigned to us.
func (r *Runner) fetch(ctx context.Context) (*runnerv1.Task, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	answer, err := r.service.FetchTask(ctx, connect.NewRequest(&runnerv1.FetchTaskRequest{TasksVersion: r.tasks}))
	if err != nil {
		r.tasks = 0
		return nil, fmt.Errorf("ask for a task: %w", err)
	}
	r.tasks = answer.Msg.TasksVersion
	if answer.Msg.Task != nil {
		r.tasks = 0 // the same version may have another one
	}
	return answer.Msg.Task, nil
}

// errCancelled is why the context of a job ends when a user cancels it on the forge.
var errCancelled = errors.New("cancelled on the forge")

func (r *Runner) run(ctx context.Context, task *runnerv1.Task) error {
	i := r.options.Identity
	i.Task = task.Id
	if err := r.save(i); err != nil {
		return err
	}
	report := newReport(r.service, task)
	result := r.supervise(ctx, task, report)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := r.reportEnd(ending, report, result); err != nil {
		return fmt.Errorf("report the end of task %d: %w", task.Id, err)
	}
	i.Task = 0
	return r.save(i)
}

// supervise runs a job while it reports on it, and ends it when the forge or ctx requires that.
func (r *Runner) supervise(ctx context.Context, task *runnerv1.Task, report *Report) runnerv1.Result {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan runnerv1.Result, 1)
	go func() { ended <- r.options.Job(ctx, task, report) }()
	tick := time.NewTicker(r.options.Every)
	defer tick.Stop()
	for {
		select {
		case result := <-ended:
			switch {
			case errors.Is(context.Cause(ctx), errCancelled):
				return runnerv1.Result_RESULT_CANCELLED
			case ctx.Err() != nil:
				report.Line(NoStep, "the runner ended during this job")
				return runnerv1.Result_RESULT_FAILURE
			}
			return result
		case <-tick.C:
			// Rows that the forge does not accept now are sent the next time.
			if err := report.send(ctx, false); errors.Is(err, errCancelled) {
				cancel(errCancelled)
			} else if err != nil && ctx.Err() == nil {
				r.options.Log(fmt.Sprintf("report on task %d: %v", task.Id, err))
			}
		}
	}
}

// reportEnd tries to report the end until ctx ends.
func (r *Runner) reportEnd(ctx context.Context, report *Report, result runnerv1.Result) error {
	for {
		err := report.end(ctx, result)
		if err == nil || ctx.Err() != nil {
			return err
		}
		pause(ctx, r.options.Every)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
