package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// serviceVariable makes a process a service of the session that is its value, for the engine's own BuildKit daemon: the process gets a network of its own, and the first line of
// its stdout is its address with the size of the subnet. The daemon has the same constant (modules/buildkitd).
const serviceVariable = "BLUMEOPS_SERVICE"

// containerService is a container that runs as a service.
type containerService struct {
	env    *Env
	args   []string
	run    *Container // after the command
	direct bool       // the command replaces the init
	ports  []Port

	mu sync.Mutex
	id string // the key; "" before its first use
}

// errNoServices is the reason why a daemon cannot run services.
var errNoServices = errors.New("services require the engine's own BuildKit daemon: unset BUILDKIT_HOST, or use Dagger (BLUMEOPS_ENGINE=dagger)")

func (c *Container) asService(ctx context.Context, a gql.Args) (any, error) {
	rights, err := c.env.rights(a, "Container.asService")
	if err != nil {
		return nil, err
	}
	if !c.env.Solver.HasServices() {
		return nil, errNoServices
	}
	// Without arguments the image's own command is the service: the entrypoint is part of it, unless withDefaultArgs gave the command.
	args, entrypoint := c.config.args, a.Bool("useEntrypoint") || !c.ownArgs
	if given := a.Strings("args"); len(given) > 0 {
		args, entrypoint = given, a.Bool("useEntrypoint")
		for i := range args {
			if a.Bool("expand") {
				args[i] = c.expand(args[i])
			}
		}
	}
	if entrypoint {
		args = append(append([]string(nil), c.config.entrypoint...), args...)
	}
	if len(args) == 0 {
		return nil, errors.New("no service command has been set")
	}
	in := c.instruction(a)
	in.Service = true
	run, err := c.exec(ctx, args, in, "", rights)
	if err != nil {
		return nil, err
	}
	return &Service{env: c.env, runner: &containerService{env: c.env, args: args, run: run, direct: in.NoInit, ports: c.config.ports}}, nil
}

func (s *containerService) declared() []Port { return s.ports }

func (s *containerService) key(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id != "" {
		return s.id, nil
	}
	id, err := s.env.Solver.Identity(ctx, s.run.last.answer)
	if err != nil {
		return "", err
	}
	s.id = id
	for _, p := range s.ports {
		s.id += fmt.Sprintf(" %d/%s %t", p.port, p.protocol, p.skipHealthcheck)
	}
	return s.id, nil
}

func (s *containerService) start(ctx context.Context, r *runningService) error {
	p, address, err := s.launch(ctx, r)
	if err != nil {
		return err
	}
	r.subnet, r.address, r.ports = address.Masked(), address.Addr().String(), s.ports
	go func() {
		<-p.ended
		_ = p.Release() // the process has ended, and the daemon removes the rest with the session
		r.end(s.ending(r, p.code, p.err))
	}()
	r.kill = p.Signal
	if err := s.healthy(ctx, r); err != nil {
		return errors.Join(err, r.quit(true))
	}
	return nil
}

// process is a process with its end.
type process struct {
	*solver.Running
	ended chan struct{}
	code  int
	err   error
}

func awaited(p *solver.Running, outputs ...*logWriter) *process {
	out := &process{Running: p, ended: make(chan struct{})}
	go func() {
		out.code, out.err = p.Wait()
		for _, o := range outputs {
			_ = o.Close() // a log never fails
		}
		close(out.ended)
	}()
	return out
}

// launch starts the process, and returns its address.
func (s *containerService) launch(ctx context.Context, r *runningService) (*process, netip.Prefix, error) {
	stdout, stderr, err := s.outputs(ctx, r)
	if err != nil {
		return nil, netip.Prefix{}, err
	}
	command, err := s.run.last.process(ctx, s.env)
	if err != nil {
		return nil, netip.Prefix{}, err
	}
	if slices.ContainsFunc(command.Env, usesLoopback) {
		return nil, netip.Prefix{}, errors.New("a service cannot use a service of Host.service on the embedded engine: only steps can")
	}
	command.Hostname = r.host
	command.Set(serviceVariable, s.env.Solver.SessionID())
	first := &firstLine{found: make(chan string, 1), rest: stdout}
	started, err := s.env.Solver.Start(context.WithoutCancel(ctx), command, nil, first, stderr)
	if err != nil {
		return nil, netip.Prefix{}, err
	}
	p := awaited(started, stdout, stderr)
	line := ""
	select {
	case line = <-first.found:
	case <-p.ended:
		select {
		case line = <-first.found: // it was a short life
		default:
			_ = p.Release() // with the same error
			return nil, netip.Prefix{}, fmt.Errorf("start the service: %w", cmp.Or(p.err, fmt.Errorf("exit code %d, and no address", p.code)))
		}
	case <-ctx.Done():
		return nil, netip.Prefix{}, errors.Join(context.Cause(ctx), p.Release())
	}
	address, err := netip.ParsePrefix(line)
	if err != nil {
		return nil, address, errors.Join(fmt.Errorf("the address of the service: %w", err), p.Release())
	}
	return p, address, nil
}

// usesLoopback reports whether a variable has the addresses of services, and one of them is of this machine.
func usesLoopback(variable string) bool {
	hosts, ok := strings.CutPrefix(variable, hostsVariable+"=")
	return ok && strings.Contains("\n"+hosts, "\n127.")
}

// outputs are the writers of the process. The init replaces the secrets in its output, unless the command replaced the init.
func (s *containerService) outputs(ctx context.Context, r *runningService) (stdout, stderr *logWriter, err error) {
	stdout, stderr = r.log(1), r.log(2)
	if !s.direct {
		return stdout, stderr, nil
	}
	var values []string
	for _, secret := range s.run.last.secrets {
		v, err := secret.Plaintext(ctx)
		if err != nil {
			return nil, nil, err
		}
		values = append(values, string(v))
	}
	set := scrub.NewSet(values...)
	stdout.scrub, stderr.scrub = set.Writer(scrubbedLog{stdout}), set.Writer(scrubbedLog{stderr})
	return stdout, stderr, nil
}

// ending is the reason of the end of the process, nil if it was stopped.
func (s *containerService) ending(r *runningService, code int, err error) error {
	if err == nil && code != 0 {
		e := &ExecError{Cmd: s.args, ExitCode: code, Stdout: r.output(1), Stderr: r.output(2), message: fmt.Sprintf("exit code: %d", code)}
		return inSpan(e)
	}
	return err
}

const (
	// healthPoll is the interval of the first checks of a port; it grows up to healthPollMax.
	healthPoll    = 5 * time.Millisecond
	healthPollMax = 200 * time.Millisecond
	// healthPatience is the time after which the log says what a service waits for.
	healthPatience = 10 * time.Second
	// dialTime is how long one connection may take.
	dialTime = 2 * time.Second
)

// healthy waits until each exposed TCP port accepts a connection.
func (s *containerService) healthy(ctx context.Context, r *runningService) error {
	for _, p := range s.ports {
		if p.skipHealthcheck || p.protocol != "TCP" {
			continue
		}
		if err := r.accepts(ctx, p.port); err != nil {
			return err
		}
	}
	return nil
}

// accepts waits until the port accepts a connection.
func (r *runningService) accepts(ctx context.Context, port int) error {
	wait, begun, said := healthPoll, time.Now(), false
	for {
		conn, err := r.dial(ctx, port)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-r.ended:
			if r.endErr != nil {
				return r.endErr
			}
			return errors.New("service exited before healthcheck")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		wait = min(wait*3/2, healthPollMax)
		if !said && time.Since(begun) > healthPatience {
			said = true
			r.say(fmt.Sprintf("the service does not accept connections at its exposed port %d yet; withExposedPort(experimentalSkipHealthcheck) does not wait for it\n", port))
		}
	}
}

// dial connects to a port of the service. The daemon refuses the address of a service that has ended.
func (r *runningService) dial(ctx context.Context, port int) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return r.solver.Dial(ctx, net.JoinHostPort(r.address, strconv.Itoa(port)))
}

// isDead reports whether the service has ended. The end of a service that does not accept connections any more is awaited, since the message of its
// end may come later than that of a step that failed because of it.
func (r *runningService) isDead() bool {
	for _, p := range r.ports {
		if r.hasEnded() || p.protocol != "TCP" || p.skipHealthcheck || !r.subnet.IsValid() {
			continue
		}
		conn, err := r.dial(context.Background(), p.port)
		if err == nil {
			conn.Close()
			continue
		}
		select {
		case <-r.ended:
		case <-time.After(dialTime):
		}
	}
	return r.hasEnded()
}

// firstLine passes on all but the first line of what is written to it.
type firstLine struct {
	found chan string
	line  strings.Builder
	done  bool
	rest  *logWriter
}

func (f *firstLine) Write(p []byte) (int, error) {
	if f.done {
		return f.rest.Write(p)
	}
	line, rest, ok := strings.Cut(string(p), "\n")
	f.line.WriteString(line)
	if ok {
		f.done = true
		f.found <- f.line.String()
	}
	if rest != "" {
		_, _ = f.rest.Write([]byte(rest)) // a log never fails
	}
	return len(p), nil
}

func (f *firstLine) Close() error { return f.rest.Close() }
