package runner

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"code.gitea.io/actions-proto-go/runner/v1/runnerv1connect"
	"connectrpc.com/connect"
)

// forge is the other side of the protocol, with faults for the test. Package lab tests the real one.
type forge struct {
	mu      sync.Mutex
	uuid    string // of the registered runner
	most    int    // lines that it accepts in one request; 0 is all
	broken  int    // number of reports that it still refuses
	cancels bool   // reports each task as cancelled
	tasks   []*runnerv1.Task
	asked   func() // called before a task is sent; nil: none
	log     []string
	ended   bool // the log
	state   *runnerv1.TaskState
	done    chan struct{} // closed with the first result
}

func (f *forge) Register(context.Context, *connect.Request[runnerv1.RegisterRequest]) (*connect.Response[runnerv1.RegisterResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uuid = "new"
	return connect.NewResponse(&runnerv1.RegisterResponse{Runner: &runnerv1.Runner{Uuid: "new", Token: "secret"}}), nil
}

func (f *forge) Declare(_ context.Context, q *connect.Request[runnerv1.DeclareRequest]) (*connect.Response[runnerv1.DeclareResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if q.Header().Get("x-runner-uuid") != f.uuid {
		return nil, errors.New("rpc error: code = Unauthenticated desc = unregistered runner")
	}
	return connect.NewResponse(&runnerv1.DeclareResponse{}), nil
}

func (f *forge) FetchTask(_ context.Context, q *connect.Request[runnerv1.FetchTaskRequest]) (*connect.Response[runnerv1.FetchTaskResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := &runnerv1.FetchTaskResponse{TasksVersion: 7}
	if len(f.tasks) > 0 && q.Msg.TasksVersion != 7 {
		answer.Task, f.tasks = f.tasks[0], f.tasks[1:]
		if f.asked != nil {
			f.asked()
		}
	}
	return connect.NewResponse(answer), nil
}

func (f *forge) UpdateLog(_ context.Context, q *connect.Request[runnerv1.UpdateLogRequest]) (*connect.Response[runnerv1.UpdateLogResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken > 0 {
		f.broken--
		return nil, errors.New("broken")
	}
	if q.Msg.Index != int64(len(f.log)) {
		return nil, errors.New("lines are missing, or come twice")
	}
	rows := q.Msg.Rows
	if f.most > 0 {
		rows = rows[:min(f.most, len(rows))]
	}
	for _, row := range rows {
		f.log = append(f.log, row.Content)
	}
	f.ended = q.Msg.NoMore
	return connect.NewResponse(&runnerv1.UpdateLogResponse{AckIndex: int64(len(f.log))}), nil
}

func (f *forge) UpdateTask(_ context.Context, q *connect.Request[runnerv1.UpdateTaskRequest]) (*connect.Response[runnerv1.UpdateTaskResponse], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state.GetResult() == 0 {
		f.state = q.Msg.State
		if f.state.Result != 0 {
			close(f.done)
		}
	}
	answer := &runnerv1.TaskState{Id: q.Msg.State.Id}
	if f.cancels {
		answer.Result = runnerv1.Result_RESULT_CANCELLED
	}
	return connect.NewResponse(&runnerv1.UpdateTaskResponse{State: answer}), nil
}

// serve starts a runner for a forge, and returns it connected.
func serve(t *testing.T, f *forge, o Options) *Runner {
	t.Helper()
	f.done = make(chan struct{})
	path, handler := runnerv1connect.NewRunnerServiceHandler(f)
	mux := http.NewServeMux()
	mux.Handle("/api/actions"+path, http.StripPrefix("/api/actions", handler))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	o.URL, o.HTTP, o.Every = server.URL, server.Client(), time.Millisecond
	o.Admit = func(context.Context) (string, error) { return "token", nil }
	if o.Save == nil {
		o.Save = func(Identity) error { return nil }
	}
	o.Log = func(line string) { t.Log(line) }
	r, err := Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// toEnd serves until the forge has a result.
func toEnd(t *testing.T, f *forge, r *Runner) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() { defer close(served); r.Serve(ctx) }()
	select {
	case <-f.done:
	case <-time.After(time.Minute):
		t.Error("the forge has no result after a minute")
	}
	cancel()
	<-served
}

func TestRun(t *testing.T) {
	t.Parallel()
	f := &forge{uuid: "kept", most: 2, broken: 3, tasks: []*runnerv1.Task{{Id: 5, Secrets: map[string]string{"A": "canary", "B": "canary-two\nline three\n", "C": "x"}}}}
	var saved []int64
	r := serve(t, f, Options{
		Identity: Identity{UUID: "kept"}, Save: func(i Identity) error { saved = append(saved, i.Task); return nil },
		Job: func(_ context.Context, _ *runnerv1.Task, report *Report) runnerv1.Result {
			report.SetSteps(3)
			report.Line(NoStep, "begins")
			report.Line(0, "a canary, canary-two\nx line three \xff\r\n")
			report.EndStep(0, runnerv1.Result_RESULT_SUCCESS)
			report.Line(2, "last")
			report.Line(9, "no such step")
			return runnerv1.Result_RESULT_FAILURE
		},
	})
	toEnd(t, f, r)
	if len(f.log) != 6 || !f.ended || !slices.Equal(f.log[:5], []string{"begins", "a ***, ***", "x *** \uFFFD", "last", "no such step"}) || !strings.HasPrefix(f.log[5], "failure after ") {
		t.Errorf("log: %q, ended: %v", f.log, f.ended)
	}
	if f.state.Result != runnerv1.Result_RESULT_FAILURE || len(f.state.Steps) != 3 {
		t.Fatalf("state: %v", f.state)
	}
	first, second, third := f.state.Steps[0], f.state.Steps[1], f.state.Steps[2]
	if first.Result != runnerv1.Result_RESULT_SUCCESS || first.LogIndex != 1 || first.LogLength != 2 {
		t.Errorf("first step: %v", first)
	}
	if second.Result != runnerv1.Result_RESULT_SKIPPED || second.StartedAt != nil {
		t.Errorf("second step: %v", second)
	}
	if third.Result != runnerv1.Result_RESULT_FAILURE || third.LogIndex != 3 || third.LogLength != 1 {
		t.Errorf("third step: %v", third)
	}
	if !slices.Equal(saved, []int64{5, 0}) {
		t.Errorf("tasks that were kept: %v", saved)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	f := &forge{uuid: "kept", cancels: true, tasks: []*runnerv1.Task{{Id: 5}}}
	r := serve(t, f, Options{Identity: Identity{UUID: "kept"}, Job: func(ctx context.Context, _ *runnerv1.Task, _ *Report) runnerv1.Result {
		<-ctx.Done()
		return runnerv1.Result_RESULT_SUCCESS
	}})
	toEnd(t, f, r)
	if f.state.Result != runnerv1.Result_RESULT_CANCELLED {
		t.Errorf("state: %v", f.state)
	}
}

// TestStopped ends a runner in the middle of a job, and while it receives one.
func TestStopped(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"in a job": false, "before it": true} {
		t.Run(name, func(t *testing.T) { testStopped(t, early) })
	}
}

func testStopped(t *testing.T, early bool) {
	f := &forge{uuid: "kept", tasks: []*runnerv1.Task{{Id: 5}}}
	ctx, cancel := context.WithCancel(t.Context())
	if early {
		f.asked = cancel
	}
	r := serve(t, f, Options{Identity: Identity{UUID: "kept"}, Job: func(ctx context.Context, _ *runnerv1.Task, _ *Report) runnerv1.Result {
		cancel()
		<-ctx.Done()
		return runnerv1.Result_RESULT_SUCCESS
	}})
	r.Serve(ctx)
	if f.state.GetResult() != runnerv1.Result_RESULT_FAILURE || !slices.Contains(f.log, "the runner ended during this job") {
		t.Errorf("state: %v, log: %q", f.state, f.log)
	}
}

// TestConnect tests a forge that does not know the runner, and one that knows it with an unfinished task.
func TestConnect(t *testing.T) {
	t.Parallel()
	var saved Identity
	save := func(i Identity) error { saved = i; return nil }
	serve(t, &forge{uuid: "another"}, Options{Save: save})
	if saved != (Identity{UUID: "new", Token: "secret"}) {
		t.Errorf("identity: %+v", saved)
	}
	f := &forge{uuid: "kept"}
	serve(t, f, Options{Save: save, Identity: Identity{UUID: "kept", Task: 9}})
	if saved != (Identity{UUID: "kept"}) || f.state.GetId() != 9 || f.state.GetResult() != runnerv1.Result_RESULT_FAILURE || !f.ended {
		t.Errorf("identity: %+v, state: %v", saved, f.state)
	}
}
