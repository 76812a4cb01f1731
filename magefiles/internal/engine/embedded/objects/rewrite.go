package objects

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/session/sshforward"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// withInit puts the exec init before every RUN of a converted Dockerfile, so that its streams and its exit code are known, as those of every exec
// are. Secrets and the socket of the SSH agent get the session's ids, also in ADD of a repository.
func (e *Env) withInit(ctx context.Context, st llb.State, p ocispecs.Platform, secrets map[string]*Secret, agent *Socket) (llb.State, *execution, error) {
	var none *execution
	if st.Output() == nil {
		return st, none, nil
	}
	def, err := e.Solver.Marshal(ctx, st, p)
	if err != nil {
		return st, none, err
	}
	r := rewriter{env: e, secrets: secrets, agent: agent, inputs: map[digest.Digest]digest.Digest{}, answers: map[digest.Digest]int64{}}
	out, err := r.rewrite(ctx, def.ToPB())
	if err != nil || out == nil {
		return st, none, err
	}
	root, err := state(out)
	if err != nil {
		return st, none, err
	}
	last := r.lastExec(out)
	if last == "" {
		return root, none, nil
	}
	at, err := solver.PointAt(out, &pb.Input{Digest: string(last), Index: r.answers[last]})
	if err != nil {
		return st, none, err
	}
	answer, err := state(at)
	return root, &execution{answer: answer}, err
}

func state(def *pb.Definition) (llb.State, error) {
	op, err := llb.NewDefinitionOp(def)
	if err != nil {
		return llb.State{}, err
	}
	return llb.NewState(op.Output()), nil
}

type rewriter struct {
	env     *Env
	secrets map[string]*Secret
	agent   *Socket                         // nil for none
	inputs  map[digest.Digest]digest.Digest // of an op: the op whose result it changed
	answers map[digest.Digest]int64         // of an exec: the index of the output that is its answer
}

// rewrite returns nil if there is nothing to do.
func (r *rewriter) rewrite(ctx context.Context, def *pb.Definition) (*pb.Definition, error) {
	execs, sources, err := needs(def)
	if err != nil || !execs && !sources {
		return nil, err
	}
	if !execs {
		return solver.Rewrite(def, func(op *pb.Op, _ digest.Digest) error { return r.source(op.GetSource()) }, func(_, _ digest.Digest) {})
	}
	if r.env.CanExec != nil {
		if err := r.env.CanExec(); err != nil {
			return nil, err
		}
	}
	initDef, err := r.initSource(ctx)
	if err != nil {
		return nil, err
	}
	answers := map[digest.Digest]int64{} // by the digest before the rewrite
	out, err := solver.Rewrite(def, func(op *pb.Op, built digest.Digest) error {
		x := op.GetExec()
		if x == nil {
			return r.source(op.GetSource())
		}
		answer, err := r.exec(op, x, string(digest.FromBytes(initDef.Def[0])))
		answers[built] = answer
		return err
	}, func(built, now digest.Digest) {
		if a, ok := answers[built]; ok {
			r.answers[now] = a
		}
	})
	if err != nil {
		return nil, err
	}
	out.Def = append([][]byte{initDef.Def[0]}, out.Def...)
	for d, m := range initDef.Metadata {
		out.Metadata[d] = m
	}
	return out, r.index(out)
}

// needs reports whether the definition has commands, and sources that use an SSH agent.
func needs(def *pb.Definition) (execs, agents bool, err error) {
	for _, b := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(b); err != nil {
			return false, false, err
		}
		execs = execs || op.GetExec() != nil
		agents = agents || op.GetSource().GetAttrs()[pb.AttrMountSSHSock] != ""
	}
	return execs, agents, nil
}

// source gives a repository that is fetched over SSH the socket of the build.
func (r *rewriter) source(s *pb.SourceOp) error {
	id := s.GetAttrs()[pb.AttrMountSSHSock]
	if id == "" {
		return nil
	}
	if r.agent == nil || id != sshforward.DefaultID {
		return noKey(id)
	}
	s.Attrs[pb.AttrMountSSHSock] = r.agent.id()
	return nil
}

func noKey(id string) error { return fmt.Errorf("no SSH key %q forwarded from the client", id) }

// initSource is the definition of the source that holds the init: its first op.
func (r *rewriter) initSource(ctx context.Context) (*pb.Definition, error) {
	st, err := r.env.initState(ctx)
	if err != nil {
		return nil, err
	}
	def, err := r.env.Solver.Marshal(ctx, st, r.env.Solver.Platform())
	if err != nil {
		return nil, err
	}
	return def.ToPB(), nil
}

// index records for every op the op whose result it changed.
func (r *rewriter) index(def *pb.Definition) error {
	for _, b := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(b); err != nil {
			return err
		}
		if n := base(op); n >= 0 && n < int64(len(op.Inputs)) {
			r.inputs[digest.FromBytes(b)] = digest.Digest(op.Inputs[n].Digest)
		}
	}
	return nil
}

// base is the index of the input that an op changes, -1 for scratch. Sources of copies do not count.
func base(op *pb.Op) int64 {
	if actions := op.GetFile().GetActions(); len(actions) > 0 {
		return actions[0].Input
	}
	for _, m := range op.GetExec().GetMounts() {
		if m.Dest == pb.RootMount {
			return m.Input
		}
	}
	return 0
}

// exec changes one exec and returns the index of the output that will hold its answer.
func (r *rewriter) exec(op *pb.Op, x *pb.ExecOp, initDigest string) (int64, error) {
	in := execmeta.Instruction{Env: x.Meta.Env, User: x.Meta.User, Workdir: x.Meta.Cwd}
	if x.Meta.ProxyEnv != nil {
		in.Inherit = proxyVariables
	}
	if err := r.mapSecrets(x, &in); err != nil {
		return 0, err
	}
	if err := r.mapSockets(x); err != nil {
		return 0, err
	}
	text, err := in.Encode()
	if err != nil {
		return 0, err
	}
	if len(text) > execmeta.MaxEnv {
		return 0, fmt.Errorf("the environment of RUN %s is too long (%d bytes, at most %d)", strings.Join(x.Meta.Args, " "), len(text), execmeta.MaxEnv)
	}
	x.Meta.Args = append([]string{execmeta.InitPath}, x.Meta.Args...)
	x.Meta.Env, x.Meta.User, x.Meta.Cwd = []string{execmeta.EnvName + "=" + text}, "", "/"
	op.Inputs = append(op.Inputs, &pb.Input{Digest: initDigest})
	answer := int64(0)
	for _, m := range x.Mounts {
		answer = max(answer, m.Output+1)
	}
	x.Mounts = append(x.Mounts,
		&pb.Mount{Input: int64(len(op.Inputs) - 1), Selector: initFile, Dest: execmeta.InitPath, Output: -1, Readonly: true},
		&pb.Mount{Input: -1, Dest: execmeta.Dir, Output: answer})
	return answer, nil
}

// proxyVariables are the variables that BuildKit sets for a build's proxy, outside the cache key.
var proxyVariables = []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"}

func (r *rewriter) mapSecrets(x *pb.ExecOp, in *execmeta.Instruction) error {
	var mounts []*pb.Mount
	for _, m := range x.Mounts {
		if m.SecretOpt == nil {
			mounts = append(mounts, m)
			continue
		}
		s, err := r.secret(m.SecretOpt.ID, m.SecretOpt.Optional)
		if err != nil {
			return err
		}
		if s != nil {
			m.SecretOpt.ID = s.id()
			in.SecretFiles = append(in.SecretFiles, m.Dest)
			mounts = append(mounts, m)
		}
	}
	x.Mounts = mounts
	var env []*pb.SecretEnv
	for _, v := range x.Secretenv {
		s, err := r.secret(v.ID, v.Optional)
		if err != nil {
			return err
		}
		if s == nil { // optional, and not given: BuildKit still sets the variable
			in.Env = append(in.Env, v.Name+"=")
			continue
		}
		v.ID = s.id()
		in.SecretEnv = append(in.SecretEnv, v.Name)
		env = append(env, v)
	}
	x.Secretenv = env
	return nil
}

// mapSockets gives the mounts of the SSH agent the socket of the build. The build has one socket, with the id default.
func (r *rewriter) mapSockets(x *pb.ExecOp) error {
	var mounts []*pb.Mount
	for _, m := range x.Mounts {
		switch {
		case m.SSHOpt == nil:
		case r.agent != nil && (m.SSHOpt.ID == "" || m.SSHOpt.ID == sshforward.DefaultID):
			m.SSHOpt.ID = r.agent.id()
		case m.SSHOpt.Optional:
			continue
		default:
			return noKey(first(m.SSHOpt.ID, sshforward.DefaultID))
		}
		mounts = append(mounts, m)
	}
	x.Mounts = mounts
	return nil
}

func (r *rewriter) secret(id string, optional bool) (*Secret, error) {
	s := r.secrets[id]
	if s != nil || optional {
		return s, nil
	}
	if len(r.secrets) == 0 {
		return nil, fmt.Errorf("secret %q is required but no secret mappings were provided", id)
	}
	return nil, fmt.Errorf("secret %q is required but was not provided", id)
}

// lastExec finds the last exec that the definition's result depends on.
func (r *rewriter) lastExec(def *pb.Definition) digest.Digest {
	for d := digest.FromBytes(def.Def[len(def.Def)-1]); d != ""; d = r.inputs[d] {
		if _, ok := r.answers[d]; ok {
			return d
		}
	}
	return ""
}
