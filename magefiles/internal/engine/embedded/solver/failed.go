package solver

import (
	"context"
	"errors"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
)

// Failure is an exec that did not end as expected.
type Failure struct {
	// Exec is the failed operation.
	Exec *pb.ExecOp
	// ExitCode is the OCI runtime's exit code of the exec's first process, -1 if it has none.
	ExitCode int

	// Inputs are the digests of the operations that it is based on.
	Inputs []string

	inputs, mounts []string // results by the index of the mount: before the exec, and after it
	gw             gateway.Client
}

// Failed finds the failed exec behind an error of Solve.
func (s *Solver) Failed(err error) (*Failure, bool) {
	var solve *errdefs.SolveError
	if !errors.As(err, &solve) || solve.Solve.GetOp().GetExec() == nil {
		return nil, false
	}
	f := &Failure{Exec: solve.Solve.GetOp().GetExec(), ExitCode: -1, inputs: solve.Solve.GetInputIDs(), mounts: solve.Solve.GetMountIDs(), gw: s.Gateway()}
	for _, in := range solve.Solve.GetOp().GetInputs() {
		f.Inputs = append(f.Inputs, in.GetDigest())
	}
	var exit *gatewaypb.ExitError
	if errors.As(err, &exit) {
		f.ExitCode = int(exit.ExitCode)
	}
	return f, true
}

// FailedFile reports whether a file operation caused an error of Solve.
func (s *Solver) FailedFile(err error) bool {
	var solve *errdefs.SolveError
	return errors.As(err, &solve) && solve.Solve.GetOp().GetFile() != nil
}

// ReadMount reads files of the mount at dest, as the failed exec left it. Missing files are omitted.
func (f *Failure) ReadMount(ctx context.Context, dest string, names ...string) (map[string][]byte, error) {
	for i, m := range f.Exec.GetMounts() {
		if m.GetDest() == dest && i < len(f.mounts) && f.mounts[i] != "" {
			return f.read(ctx, f.mounts[i], names)
		}
	}
	return nil, nil
}

func (f *Failure) read(ctx context.Context, id string, names []string) (map[string][]byte, error) {
	ctr, err := f.gw.NewContainer(ctx, gateway.NewContainerRequest{
		Mounts: []gateway.Mount{{Dest: "/", ResultID: id, MountType: pb.MountType_BIND, Readonly: true}},
	})
	if err != nil {
		return nil, err
	}
	defer ctr.Release(context.WithoutCancel(ctx)) // an error cannot be handled, and nothing depends on it
	out := map[string][]byte{}
	for _, n := range names {
		p := "/" + n
		st, err := ctr.StatFile(ctx, gateway.StatContainerRequest{StatRequest: gateway.StatRequest{Path: p}})
		if err != nil {
			continue
		}
		data := []byte{}
		for int64(len(data)) < st.Size {
			part, err := ctr.ReadFile(ctx, gateway.ReadContainerRequest{ReadRequest: gateway.ReadRequest{Filename: p, Range: &gateway.FileRange{Offset: len(data), Length: chunk}}})
			if err != nil {
				return nil, err
			}
			if len(part) == 0 {
				break
			}
			data = append(data, part...)
		}
		out[n] = data
	}
	return out, nil
}

// Before is the failed command with the files as they were before it.
func (f *Failure) Before() Process {
	p := processOf(f.Exec)
	for i := range p.Mounts {
		if i < len(f.inputs) {
			p.Mounts[i].ResultID = f.inputs[i]
		}
	}
	return p
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

// Left are the root file system and the mounted folders and files, as the failed command left them. Each is a mount for another container. Cache
// volumes, secrets, sockets and temporary folders do not count.
func (f *Failure) Left() []gateway.Mount {
	var left []gateway.Mount
	for i, m := range processOf(f.Exec).Mounts {
		if i < len(f.mounts) {
			m.ResultID = f.mounts[i]
		}
		if m.ResultID == "" && i < len(f.inputs) {
			m.ResultID = f.inputs[i]
		}
		if m.MountType == pb.MountType_BIND && m.ResultID != "" {
			left = append(left, m)
		}
	}
	return left
}
