package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"code.gitea.io/actions-proto-go/runner/v1/runnerv1connect"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// NoStep is the step number of output that belongs to no step of a job.
const NoStep = -1

// Report is the output of a job, line by line, and the state of its steps. Its methods are safe for concurrent use.
type Report struct {
	service runnerv1connect.RunnerServiceClient
	began   time.Time
	masks   *strings.Replacer

	mu    sync.Mutex
	rows  []*runnerv1.LogRow // not sent to the forge yet
	taken int64              // number of rows that the forge has
	state *runnerv1.TaskState
}

func newReport(service runnerv1connect.RunnerServiceClient, task *runnerv1.Task) *Report {
	now := time.Now()
	return &Report{
		service: service, began: now, masks: masks(task.Secrets),
		state: &runnerv1.TaskState{Id: task.Id, StartedAt: timestamppb.New(now)},
	}
}

// masks writes *** in place of secrets: of each as a whole, and of each of its lines, since a log has lines. Values shorter than shortest are not
// replaced, because they would make the log unreadable.
func masks(secrets map[string]string) *strings.Replacer {
	const shortest = 6 // bytes
	var hidden []string
	for _, secret := range secrets {
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= shortest {
				hidden = append(hidden, line)
			}
		}
	}
	// A secret that is a prefix of another comes after it: of two matches, the replacer uses the one that was named first.
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, secret := range hidden {
		pairs = append(pairs, secret, "***")
	}
	return strings.NewReplacer(pairs...)
}

// Line adds output of a step, without secrets. The first line of a step begins it.
func (r *Report) Line(step int, text string) {
	now := timestamppb.Now()
	text = r.masks.Replace(strings.ToValidUTF8(text, "\uFFFD"))
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.step(step)
	for line := range strings.SplitSeq(strings.TrimRight(text, "\r\n"), "\n") {
		r.rows = append(r.rows, &runnerv1.LogRow{Time: now, Content: strings.TrimRight(line, "\r")})
		if s != nil {
			s.LogLength = r.taken + int64(len(r.rows)) - s.LogIndex
		}
	}
}

// EndStep records the result of a step.
func (r *Report) EndStep(step int, result runnerv1.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.step(step); s != nil {
		s.Result, s.StoppedAt = result, timestamppb.Now()
	}
}

// SetSteps sets the number of steps. Steps that never begin are skipped at the end.
func (r *Report) SetSteps(steps int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for number := range steps {
		r.state.Steps = append(r.state.Steps, &runnerv1.StepState{Id: int64(number)})
	}
}

// step is the state of a step, which begins now if it has not; nil if there is no such step.
func (r *Report) step(number int) *runnerv1.StepState {
	if number < 0 || number >= len(r.state.Steps) {
		return nil
	}
	s := r.state.Steps[number]
	if s.StartedAt == nil {
		s.StartedAt, s.LogIndex = timestamppb.Now(), r.taken+int64(len(r.rows))
	}
	return s
}

// end sends the rest, and the result. The forge accepts an end of a log only with a line.
func (r *Report) end(ctx context.Context, result runnerv1.Result) error {
	if r.state.Result == runnerv1.Result_RESULT_UNSPECIFIED {
		r.Line(NoStep, fmt.Sprintf("%s after %.1f s", ResultName(result), time.Since(r.began).Seconds()))
		r.setResult(result)
	}
	return r.send(ctx, true)
}

// ResultName is a result for people, such as "failure".
func ResultName(result runnerv1.Result) string {
	return strings.ToLower(strings.TrimPrefix(result.String(), "RESULT_"))
}

// setResult records the result, also for a step that is running.
func (r *Report) setResult(result runnerv1.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Result, r.state.StoppedAt = result, timestamppb.Now()
	for _, s := range r.state.Steps {
		switch {
		case s.StartedAt == nil:
			s.Result = runnerv1.Result_RESULT_SKIPPED
		case s.Result == runnerv1.Result_RESULT_UNSPECIFIED:
			s.Result, s.StoppedAt = result, r.state.StoppedAt
		}
	}
}

// send sends new lines and states to the forge; errCancelled if the forge reports the task as cancelled. If last, the log is complete.
func (r *Report) send(ctx context.Context, last bool) error {
	said := r.sendLog(ctx, last)
	if said != nil {
		said = fmt.Errorf("log: %w", said)
	}
	r.mu.Lock()
	state := proto.CloneOf(r.state)
	r.mu.Unlock()
	answer, err := r.service.UpdateTask(ctx, connect.NewRequest(&runnerv1.UpdateTaskRequest{State: state}))
	if err != nil {
		return errors.Join(said, fmt.Errorf("state: %w", err))
	}
	if !last && answer.Msg.State.GetResult() == runnerv1.Result_RESULT_CANCELLED {
		return errCancelled
	}
	return said
}

// sendLog sends the lines that the forge does not have. It may accept only a part of them.
func (r *Report) sendLog(ctx context.Context, last bool) error {
	const most = 1000 // lines in one request
	for {
		r.mu.Lock()
		rows, taken := slices.Clone(r.rows[:min(most, len(r.rows))]), r.taken
		all := len(rows) == len(r.rows)
		r.mu.Unlock()
		if len(rows) == 0 {
			return nil
		}
		answer, err := r.service.UpdateLog(ctx, connect.NewRequest(&runnerv1.UpdateLogRequest{
			TaskId: r.state.Id, Index: taken, Rows: rows, NoMore: last && all,
		}))
		if err != nil {
			return err
		}
		if n := answer.Msg.AckIndex - taken; n <= 0 || n > int64(len(rows)) {
			return fmt.Errorf("of lines %d to %d the forge has taken %d", taken, taken+int64(len(rows)), answer.Msg.AckIndex)
		}
		r.mu.Lock()
		r.rows, r.taken = r.rows[answer.Msg.AckIndex-taken:], answer.Msg.AckIndex
		r.mu.Unlock()
	}
}
