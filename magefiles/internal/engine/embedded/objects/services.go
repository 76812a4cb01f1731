package objects

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// Services are the services of a session: those that run, and those that steps use.
type Services struct {
	mu     sync.Mutex
	byID   map[string]*runningService
	uses   map[string][]serviceBinding  // by the id of the secret that holds their addresses
	given  map[string][]*runningService // those that the last step with that secret got
	failed map[string]error             // the failure of a start, by the same id
	closed bool
	locals map[string]string // addresses of this machine by those of services
	relay  forwarder         // of locals

	starts context.Context // of all starts; it ends with the session
	cancel context.CancelCauseFunc
}

// NewServices are the services of a new session.
func NewServices() *Services {
	starts, cancel := context.WithCancelCause(context.Background())
	return &Services{
		byID: map[string]*runningService{}, uses: map[string][]serviceBinding{}, given: map[string][]*runningService{}, failed: map[string]error{},
		starts: starts, cancel: cancel,
	}
}

// serviceStopTime is how long a service may take to end after SIGTERM before it is killed.
const serviceStopTime = 3 * time.Second

// runningService is a service from its start on.
type runningService struct {
	id      string
	host    string
	name    string // for people
	solver  *solver.Solver
	address string       // IP; read after started
	subnet  netip.Prefix // of a container: from where the host reaches it
	ports   []Port
	started chan struct{}                                     // closed after the start
	err     error                                             // of the start; read after started
	kill    func(ctx context.Context, s syscall.Signal) error // nil: nothing to stop

	ended  chan struct{} // closed at the end
	endErr error         // read after ended
	once   sync.Once

	mu       sync.Mutex
	stopping bool
	reported bool          // its end is known to the progress
	out      [2]tailBuffer // stdout and stderr
	both     tailBuffer    // in the order of their output
}

var errServicesClosed = errors.New("the engine session is closed")

// start returns the service when it can be used. It starts it, unless it runs already.
func (all *Services) start(ctx context.Context, s *Service) (*runningService, error) {
	id, err := s.id(ctx)
	if err != nil {
		return nil, err
	}
	host, err := s.host(ctx)
	if err != nil {
		return nil, err
	}
	r, first, err := all.claim(id, host, s)
	if err != nil {
		return nil, err
	}
	if first {
		go all.run(all.starts, r, s)
	}
	select {
	case <-r.started:
		return r, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx) // it may start for others
	}
}

// claim returns the running service with that id, or a new one, which the caller must run.
func (all *Services) claim(id, host string, s *Service) (r *runningService, first bool, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.closed {
		return nil, false, errServicesClosed
	}
	if r := all.byID[id]; r != nil && !r.hasEnded() {
		return r, false, nil
	}
	r = &runningService{
		id: id, host: host, name: "service " + host, solver: s.env.Solver, started: make(chan struct{}), ended: make(chan struct{}),
	}
	if c, ok := s.runner.(*containerService); ok {
		r.name += ": " + strings.Join(c.args, " ")
	}
	all.byID[id] = r
	return r, true, nil
}

func (all *Services) run(ctx context.Context, r *runningService, s *Service) {
	r.report(solver.Event{State: solver.Started})
	if r.err = s.runner.start(ctx, r); r.err != nil {
		r.fail(r.err.Error())
		r.end(r.err)
	}
	close(r.started)
}

// running returns the service if it runs.
func (all *Services) running(ctx context.Context, s *Service) (*runningService, bool) {
	id, err := s.id(ctx)
	if err != nil {
		return nil, false
	}
	all.mu.Lock()
	r := all.byID[id]
	all.mu.Unlock()
	if r == nil || r.hasEnded() {
		return nil, false
	}
	select {
	case <-r.started:
		return r, r.err == nil
	case <-ctx.Done():
		return nil, false
	}
}

// stop ends the service. One that does not run is not an error.
func (all *Services) stop(ctx context.Context, s *Service, kill bool) error {
	r, ok := all.running(ctx, s)
	if !ok {
		return nil
	}
	return r.quit(kill)
}

// Close stops all services, and refuses new ones.
func (all *Services) Close() error {
	all.mu.Lock()
	all.closed = true
	all.cancel(errServicesClosed)
	all.relay.close()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, r := range all.byID {
		if r.hasEnded() {
			continue
		}
		wg.Go(func() {
			<-r.started
			err := r.quit(false)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.mu.Unlock()
	wg.Wait()
	return errors.Join(errs...)
}

func (r *runningService) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// end records the end of the service. An end that nobody requested is reported.
func (r *runningService) end(err error) {
	r.once.Do(func() {
		r.endErr = err
		if r.isStopping() {
			r.report(solver.Event{State: solver.Done})
		} else {
			r.fail(r.cause(err))
		}
		close(r.ended)
	})
}

// cause describes the end of a service.
func (r *runningService) cause(err error) string {
	var exec *ExecError
	switch {
	case errors.As(err, &exec):
		return exec.message
	case err != nil:
		return err.Error()
	}
	return "exit code: 0"
}

func (r *runningService) isStopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopping
}

// quit stops the service: SIGTERM, and SIGKILL if that does not end it in time. With kill it is SIGKILL at once.
func (r *runningService) quit(kill bool) error {
	r.mu.Lock()
	r.stopping = true
	r.mu.Unlock()
	if r.kill == nil {
		return nil
	}
	signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}
	if kill {
		signals = signals[1:]
	}
	for _, sig := range signals {
		ctx, cancel := context.WithTimeout(context.Background(), serviceStopTime)
		err := r.kill(ctx, sig)
		select {
		case <-r.ended:
			cancel()
			return nil
		case <-ctx.Done():
		}
		cancel()
		if err != nil && sig == syscall.SIGKILL {
			return fmt.Errorf("stop the %s: %w", r.name, err)
		}
	}
	return fmt.Errorf("stop the %s: it did not end, even after SIGKILL", r.name)
}

// fail reports the service as failed, so that its last output is shown.
func (r *runningService) fail(why string) { r.report(solver.Event{State: solver.Failed, Err: why}) }

// report passes on an event of the service; only one end of it.
func (r *runningService) report(e solver.Event) {
	r.mu.Lock()
	if e.State == solver.Done || e.State == solver.Failed {
		if r.reported {
			r.mu.Unlock()
			return
		}
		r.reported = true
	}
	r.mu.Unlock()
	e.Step, e.Name, e.Time = "service "+r.id, r.name, time.Now()
	r.solver.Report(e)
}
