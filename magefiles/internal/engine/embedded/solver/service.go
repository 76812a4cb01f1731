package solver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// ServiceProcess is a command that runs next to the build, in a container of its own. Nothing of it is cached.
type ServiceProcess struct {
	container gateway.Container
	process   gateway.ContainerProcess
}

// ServiceOptions are the part of a process that its definition does not have.
type ServiceOptions struct {
	Hostname       string
	Env            []string          // NAME=value, in addition to the definition's
	Secrets        map[string]string // values of secret variables that the caller knows; BuildKit requests the others
	Stdout, Stderr io.WriteCloser
}

// Start starts the command of run, the state after a run. The caller releases the process. It ends with the session, not with ctx.
func (s *Solver) Start(ctx context.Context, run llb.State, opts ServiceOptions) (*ServiceProcess, error) {
	def, err := s.marshal(ctx, run)
	if err != nil {
		return nil, err
	}
	op, err := head(def)
	if err != nil {
		return nil, err
	}
	exec := op.GetExec()
	if exec == nil {
		return nil, fmt.Errorf("the definition of a process must be a command, not %T", op.Op)
	}
	mounts, err := s.mounts(ctx, def, op)
	if err != nil {
		return nil, err
	}
	living := context.WithoutCancel(ctx)
	ctr, err := s.gateway.NewContainer(living, gateway.NewContainerRequest{Mounts: mounts, Hostname: opts.Hostname, Platform: op.Platform})
	if err != nil {
		return nil, s.stopped(err)
	}
	env := slices.Concat(exec.Meta.Env, opts.Env)
	var secrets []*pb.SecretEnv
	for _, v := range exec.Secretenv {
		if value, ok := opts.Secrets[v.Name]; ok {
			env = append(env, v.Name+"="+value)
		} else {
			secrets = append(secrets, v)
		}
	}
	proc, err := ctr.Start(living, gateway.StartRequest{
		Args: exec.Meta.Args, Env: env, SecretEnv: secrets, User: exec.Meta.User, Cwd: exec.Meta.Cwd, Stdout: opts.Stdout, Stderr: opts.Stderr,
	})
	if err != nil {
		_ = ctr.Release(living) // with the same error
		return nil, s.stopped(err)
	}
	return &ServiceProcess{container: ctr, process: proc}, nil
}

// mounts solves the inputs of an exec, and returns its mounts for a container.
func (s *Solver) mounts(ctx context.Context, def *pb.Definition, op *pb.Op) ([]gateway.Mount, error) {
	refs := make([]gateway.Reference, len(op.Inputs))
	for i, in := range op.Inputs {
		part, err := pointAt(def, in)
		if err != nil {
			return nil, err
		}
		res, err := s.gateway.Solve(ctx, gateway.SolveRequest{Definition: part, Evaluate: true})
		if err != nil {
			s.noteFailure(part, err)
			return nil, s.stopped(err)
		}
		if refs[i], err = res.SingleRef(); err != nil {
			return nil, err
		}
	}
	var out []gateway.Mount
	for _, m := range op.GetExec().Mounts {
		g := gateway.Mount{
			Dest: m.Dest, Selector: m.Selector, Readonly: m.Readonly, MountType: m.MountType, CacheOpt: m.CacheOpt, SecretOpt: m.SecretOpt, SSHOpt: m.SSHOpt,
		}
		if m.Input != int64(pb.Empty) {
			g.Ref = refs[m.Input]
		}
		out = append(out, g)
	}
	return out, nil
}

// Wait waits for the end of the process, and returns the exit code. An error is another end: the session's, or the container could not be made.
func (p *ServiceProcess) Wait() (code int, err error) {
	err = p.process.Wait()
	var exit *gatewaypb.ExitError
	if errors.As(err, &exit) && exit.ExitCode < gatewaypb.UnknownExitStatus {
		return int(exit.ExitCode), nil
	}
	if err != nil && strings.HasSuffix(err.Error(), "exit status 255") { // BuildKit also uses 255 for other errors
		return gatewaypb.UnknownExitStatus, nil
	}
	return 0, err
}

// Signal sends a signal to the first process of the container.
func (p *ServiceProcess) Signal(ctx context.Context, sig syscall.Signal) error {
	return p.process.Signal(ctx, sig)
}

// Release kills the process if it still runs, and removes the container.
func (p *ServiceProcess) Release(ctx context.Context) error { return p.container.Release(ctx) }

// Identity is a name for the definition of st that is the same in every session: it holds the content of host directories, not their places.
func (s *Solver) Identity(ctx context.Context, st llb.State) (string, error) {
	def, err := st.Marshal(ctx, llb.Platform(s.Platform()))
	if err != nil {
		return "", err
	}
	same, err := Rewrite(def.ToPB(), func(op *pb.Op, _ digest.Digest) error {
		if src := op.GetSource(); isLocal(src) {
			src.Identifier = "local://"
			delete(src.Attrs, pb.AttrLocalSessionID)
			delete(src.Attrs, pb.AttrLocalUniqueID)
		}
		return nil
	}, nil)
	if err != nil {
		return "", err
	}
	if len(same.Def) == 0 {
		return "", nil
	}
	return digest.FromBytes(same.Def[len(same.Def)-1]).Encoded(), nil
}

// Label is a label of the daemon's worker; "" if it has none of that name.
func (s *Solver) Label(name string) string {
	for _, w := range s.gateway.BuildOpts().Workers {
		if v := w.Labels[name]; v != "" {
			return v
		}
	}
	return ""
}

// Report passes an event on, as those of BuildKit's steps.
func (s *Solver) Report(e Event) {
	if s.opts.Events != nil {
		s.opts.Events(e)
	}
}

func (s *Solver) marshal(ctx context.Context, st llb.State) (*pb.Definition, error) {
	def, err := st.Marshal(ctx, llb.Platform(s.Platform()))
	if err != nil {
		return nil, err
	}
	return s.definition(def)
}

// head is the operation that the definition's result is from.
func head(def *pb.Definition) (*pb.Op, error) {
	last := &pb.Op{}
	if len(def.Def) == 0 {
		return nil, errors.New("the definition is empty")
	}
	if err := last.UnmarshalVT(def.Def[len(def.Def)-1]); err != nil {
		return nil, err
	}
	for _, b := range def.Def {
		if len(last.Inputs) == 1 && string(digest.FromBytes(b)) == last.Inputs[0].Digest {
			op := &pb.Op{}
			return op, op.UnmarshalVT(b)
		}
	}
	return nil, errors.New("the definition's result is not part of it")
}

// pointAt returns the definition with another result.
func pointAt(def *pb.Definition, in *pb.Input) (*pb.Definition, error) {
	out := def.CloneVT()
	b, err := (&pb.Op{Inputs: []*pb.Input{in}}).Marshal()
	out.Def[len(out.Def)-1] = b
	return out, err
}

// SecretVariable returns the id of the secret variable of the failed command; "" if it has none of that name.
func (f *Failure) SecretVariable(name string) string {
	for _, v := range f.Exec.GetSecretenv() {
		if v.Name == name {
			return v.ID
		}
	}
	return ""
}
