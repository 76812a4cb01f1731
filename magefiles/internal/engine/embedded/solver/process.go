package solver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"
)

// Size is the size of a terminal, in characters.
type Size struct{ Columns, Rows int }

// Streams connect a process with its user.
type Streams struct {
	Stdin          io.Reader // nil is empty
	Stdout, Stderr io.Writer // a process on a terminal only writes to Stdout
	// Sizes are the later sizes of the terminal. Nil means that there is no terminal.
	Sizes <-chan Size
}

// Screen is the terminal of a user, while one command has it.
type Screen struct {
	Streams
	Size         // of the terminal, in the beginning
	Term  string // the kind of the terminal, as in $TERM
	Close func(code int, err error)
}

// OpenScreen gives the terminal of the user to one command, after it has printed the lines. Others wait until Close. The context ends if the
// command must end. An error says why there is no terminal, and what to do.
type OpenScreen func(ctx context.Context, lines []string) (context.Context, *Screen, error)

// Process is a command in a container that is not a step: nothing of it is cached or kept, except the content of cache volumes.
type Process struct {
	Mounts    []gateway.Mount // one of them at "/"
	Hostname  string
	Network   pb.NetMode
	Security  pb.SecurityMode
	Hosts     []*pb.HostIP
	Platform  *pb.Platform
	Args, Env []string
	SecretEnv []*pb.SecretEnv
	User, Cwd string
}

// processOf is the command of a step. Its mounts have no content yet.
func processOf(x *pb.ExecOp) Process {
	meta := x.GetMeta()
	p := Process{
		Hostname: meta.GetHostname(), Network: x.GetNetwork(), Security: x.GetSecurity(), Hosts: meta.GetExtraHosts(), Args: meta.GetArgs(), Env: slices.Clone(meta.GetEnv()),
		SecretEnv: x.GetSecretenv(), User: meta.GetUser(), Cwd: meta.GetCwd(),
	}
	for _, m := range x.GetMounts() {
		p.Mounts = append(p.Mounts, gateway.Mount{
			Dest: m.GetDest(), Selector: m.GetSelector(), Readonly: m.GetReadonly(), MountType: m.GetMountType(),
			CacheOpt: m.GetCacheOpt(), SecretOpt: m.GetSecretOpt(), SSHOpt: m.GetSSHOpt(),
		})
	}
	if proxy := meta.GetProxyEnv(); proxy != nil {
		for name, value := range map[string]string{
			"HTTP_PROXY": proxy.GetHttpProxy(), "HTTPS_PROXY": proxy.GetHttpsProxy(), "FTP_PROXY": proxy.GetFtpProxy(),
			"NO_PROXY": proxy.GetNoProxy(), "ALL_PROXY": proxy.GetAllProxy(),
		} {
			if value != "" {
				p.Env = append(p.Env, name+"="+value, strings.ToLower(name)+"="+value)
			}
		}
	}
	return p
}

// Process is the command of st, a state after a step, with the files as they are before it, which it makes.
func (s *Solver) Process(ctx context.Context, st llb.State) (Process, error) {
	marshalled, err := s.Marshal(ctx, st, s.Platform())
	if err != nil {
		return Process{}, err
	}
	def, err := copyWhatChanges(marshalled.ToPB()) // of the inputs alone it would copy less
	if err != nil {
		return Process{}, err
	}
	op, err := head(def)
	if err != nil {
		return Process{}, err
	}
	if op.GetExec() == nil {
		return Process{}, fmt.Errorf("the definition of a process must be a command, not %T", op.Op)
	}
	refs := make([]gateway.Reference, len(op.Inputs))
	for i, in := range op.Inputs {
		part, err := PointAt(def, in)
		if err != nil {
			return Process{}, err
		}
		if refs[i], err = s.reference(ctx, part); err != nil {
			return Process{}, err
		}
	}
	p := processOf(op.GetExec())
	p.Platform = op.Platform
	for i, m := range op.GetExec().Mounts {
		if m.Input != int64(pb.Empty) {
			p.Mounts[i].Ref = refs[m.Input]
		}
	}
	return p, nil
}

// Without is the process without the mount at dest.
func (p Process) Without(dest string) Process {
	p.Mounts = slices.DeleteFunc(slices.Clone(p.Mounts), func(m gateway.Mount) bool { return m.Dest == dest })
	return p
}

// Set gives a variable a value, also one that was a secret.
func (p *Process) Set(name, value string) {
	p.Env = append(p.Env, name+"="+value)
	p.SecretEnv = slices.DeleteFunc(slices.Clone(p.SecretEnv), func(v *pb.SecretEnv) bool { return v.Name == name })
}

// Running is a process from its start on.
type Running struct {
	solver    *Solver
	container gateway.Container
	process   gateway.ContainerProcess
	ctx       context.Context
	end       context.CancelCauseFunc
}

// releaseTime limits the removal of a container whose session ends.
const releaseTime = 10 * time.Second

// Start starts a process, which is killed at the end of ctx. The caller releases it.
func (s *Solver) Start(ctx context.Context, p Process, stdin io.ReadCloser, stdout, stderr io.WriteCloser) (*Running, error) {
	ctr, err := s.Gateway().NewContainer(ctx, gateway.NewContainerRequest{
		Mounts: p.Mounts, Hostname: p.Hostname, NetMode: p.Network, ExtraHosts: p.Hosts, Platform: p.Platform,
	})
	if err != nil {
		return nil, s.stopped(err)
	}
	r := &Running{solver: s, container: ctr}
	r.ctx, r.end = context.WithCancelCause(ctx)
	r.process, err = ctr.Start(r.ctx, gateway.StartRequest{
		Args: p.Args, Env: p.Env, SecretEnv: p.SecretEnv, User: p.User, Cwd: p.Cwd, Stdin: stdin, Stdout: stdout, Stderr: stderr,
		SecurityMode: p.Security,
	})
	if err != nil {
		_ = r.Release() // with the same error
		return nil, s.stopped(err)
	}
	go s.watch(r.ctx, r.end)
	return r, nil
}

// Wait waits for the end of the process, and returns the exit code. An error is another end: the session's, or the container could not be made.
func (r *Running) Wait() (code int, err error) {
	err = r.process.Wait()
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	var exit *gatewaypb.ExitError
	if errors.As(err, &exit) && exit.ExitCode < gatewaypb.UnknownExitStatus {
		return int(exit.ExitCode), nil
	}
	if err != nil && strings.HasSuffix(err.Error(), "exit status 255") { // BuildKit also uses 255 for other errors
		return gatewaypb.UnknownExitStatus, nil
	}
	if err != nil {
		return 0, r.solver.stopped(err)
	}
	return 0, nil
}

// Signal sends a signal to the first process of the container.
func (r *Running) Signal(ctx context.Context, sig syscall.Signal) error {
	return r.process.Signal(ctx, sig)
}

// Release kills the process if it still runs, and removes the container.
func (r *Running) Release() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), releaseTime)
	defer cancel()
	err := r.container.Release(ctx)
	r.end(nil)
	return err
}

// Run runs a process to its end and returns its exit code. If ctx ends first, the process is killed. The first argument of the process is the
// exec init, which speaks the messages of package frame.
func (s *Solver) Run(ctx context.Context, p Process, to Streams) (code int, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	c := newConversation(to, fail)
	defer c.end()
	r, err := s.Start(ctx, p, c.input, writer{c}, writer{&c.complaint})
	if err != nil {
		return 0, err
	}
	defer func() {
		c.end()
		_ = r.Release() // the error is that of the process again
	}()
	go c.resize(ctx)
	go c.read()
	status, err := r.Wait()
	switch code, exited := c.exitCode(); {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case exited:
		return code, nil
	case c.complaint.Len() > 0:
		return 0, errors.New(strings.TrimSpace(c.complaint.String()))
	case err != nil:
		return 0, err
	}
	return 0, fmt.Errorf("the exec init ended with status %d, and without the exit code of the command", status)
}

// Output runs a process to its end and passes on its stdout. An exit code other than 0 is an error, with what it wrote to stderr.
func (s *Solver) Output(ctx context.Context, p Process, to io.Writer) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var complaint bytes.Buffer
	r, err := s.Start(ctx, p, nil, writer{passing{to, fail}}, writer{&complaint})
	if err != nil {
		return err
	}
	code, err := r.Wait()
	_ = r.Release() // the error is that of the process again
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && code != 0:
		return fmt.Errorf("exit code %d: %s", code, strings.TrimSpace(complaint.String()))
	}
	return err
}

// passing is a writer that never fails, as BuildKit's client would wait forever: it reports its error instead.
type passing struct {
	to   io.Writer
	fail func(error)
}

func (p passing) Write(data []byte) (int, error) {
	if _, err := p.to.Write(data); err != nil {
		p.fail(err)
	}
	return len(data), nil
}

// Has returns the first of the paths that exists in the root file system of the process; "" if none does. Mounts do not count.
func (s *Solver) Has(ctx context.Context, p Process, paths ...string) (string, error) {
	for _, m := range p.Mounts {
		if m.Dest == pb.RootMount {
			return s.first(ctx, m, paths)
		}
	}
	return "", nil
}

func (s *Solver) first(ctx context.Context, root gateway.Mount, paths []string) (string, error) {
	root.Readonly = true
	ctr, err := s.Gateway().NewContainer(ctx, gateway.NewContainerRequest{Mounts: []gateway.Mount{root}})
	if err != nil {
		return "", s.stopped(err)
	}
	defer func() { _ = ctr.Release(context.WithoutCancel(ctx)) }() // nothing depends on it
	for _, p := range paths {
		if _, err := ctr.StatFile(ctx, gateway.StatContainerRequest{StatRequest: gateway.StatRequest{Path: p}}); err == nil {
			return p, nil
		}
	}
	return "", ctx.Err()
}

// watchEvery is how often the connection is checked while a process runs.
const watchEvery = 2 * time.Second

// watch ends a process whose session is closed, or whose daemon is gone: BuildKit's client would wait for it forever.
func (s *Solver) watch(ctx context.Context, fail func(error)) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.build().closed:
			fail(s.stopped(errClosed))
		case <-tick.C:
			if _, err := s.client.Info(ctx); grpcerrors.Code(err) == codes.Unavailable {
				fail(lost(err))
			}
		}
	}
}

// writer is a writer that is never closed.
type writer struct{ io.Writer }

func (writer) Close() error { return nil }
