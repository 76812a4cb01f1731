package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/statefolder"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Keep says where the state of a failed step is left for the user.
type Keep struct {
	// Dir is the folder, absolute. If several steps fail, the second one gets the folder Dir-2, and so on.
	Dir string
	// Mask returns a writer that masks the secrets that the caller knows, in addition to those of the step; nil for none. Close writes what is
	// held back.
	Mask func(io.Writer) io.WriteCloser

	mu      sync.Mutex
	kept    int // the number of folders
	writing sync.WaitGroup
}

// Wait waits until no folder is being written. The end of the session ends the writing.
func (k *Keep) Wait() {
	if k != nil {
		k.writing.Wait()
	}
}

// next is the folder for one more state.
func (k *Keep) next() string {
	for {
		k.kept++
		if k.kept == 1 {
			return k.Dir
		}
		dir := fmt.Sprintf("%s-%d", k.Dir, k.kept)
		if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
			return dir
		}
	}
}

// keep leaves the state of the failed exec in a folder. One is written at a time.
func (e *Env) keep(ctx context.Context, f *solver.Failure, said *ExecError) {
	e.Keep.writing.Add(1)
	defer e.Keep.writing.Done()
	e.Keep.mu.Lock()
	defer e.Keep.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	dir := e.Keep.next()
	shown := solver.Event{Step: "keep " + dir, Name: "[internal] keep the state of the failed step", State: solver.Started, Time: time.Now()}
	e.Solver.Report(shown)
	defer func() {
		shown.State, shown.Time = solver.Done, time.Now() // a failure has its own line
		e.Solver.Report(shown)
	}()
	line := "the state of the failed step is in " + plain.Name(dir)
	if err := e.writeState(ctx, f, said, dir); err != nil {
		line = "the state of the failed step is not kept: " + plain.OneLine(err.Error())
	}
	if e.Log != nil && ctx.Err() == nil {
		e.Log(line)
	}
}

func (e *Env) writeState(ctx context.Context, f *solver.Failure, said *ExecError, dir string) error {
	in, err := instructionOf(ctx, f)
	if err != nil {
		return err
	}
	output, err := f.ReadMount(ctx, execmeta.Dir, execmeta.CombinedFile, execmeta.StdoutFile, execmeta.StderrFile)
	if err != nil {
		return err
	}
	all, ok := output[execmeta.CombinedFile]
	if !ok {
		all = slices.Concat(output[execmeta.StdoutFile], output[execmeta.StderrFile])
	}
	mask, err := e.maskOf(ctx, f)
	if err != nil {
		return err
	}
	p, places, err := e.archiver(ctx, f)
	if err != nil {
		return err
	}
	return statefolder.Write(dir, statefolder.State{
		Lines: describeStep(f, in, said, places), Output: all, Places: places, Mask: mask,
		Archive: func(w io.Writer) error { return e.Solver.Output(ctx, p, w) },
	})
}

// internalMounts are those that the engine adds to a step.
var internalMounts = []string{execmeta.Dir, execmeta.InitPath, execmeta.InputDir}

// archiver is a process that writes what the failed exec left as a tar, and the paths in the step of its folders.
func (e *Env) archiver(ctx context.Context, f *solver.Failure) (p solver.Process, places []string, err error) {
	left := slices.DeleteFunc(f.Left(), func(m gateway.Mount) bool { return slices.Contains(internalMounts, m.Dest) })
	// A mount may be below another one.
	slices.SortStableFunc(left, func(a, b gateway.Mount) int { return len(path.Clean(a.Dest)) - len(path.Clean(b.Dest)) })
	st, err := e.initState(ctx)
	if err != nil {
		return p, nil, err
	}
	ref, err := e.Solver.Solve(ctx, st)
	if err != nil {
		return p, nil, err
	}
	p = solver.Process{
		Args: []string{execmeta.InitPath}, Env: []string{execmeta.ArchiveName + "=1"}, Cwd: "/", Network: pb.NetMode_NONE,
		Mounts: []gateway.Mount{
			{Dest: pb.RootMount, MountType: pb.MountType_BIND},
			{Dest: execmeta.InitPath, Ref: ref, Selector: initFile, MountType: pb.MountType_BIND, Readonly: true},
		},
	}
	for i, m := range left {
		places = append(places, m.Dest)
		m.Dest = fmt.Sprintf("/%d", i)
		m.Readonly = true
		p.Mounts, p.Args = append(p.Mounts, m), append(p.Args, m.Dest)
	}
	return p, places, nil
}

// minMasked is the length from which a secret, or a line of it, is masked in files, in bytes. Shorter ones occur in every file.
const minMasked = 4

// maskOf masks the secrets of the failed exec, and those that the caller knows.
func (e *Env) maskOf(ctx context.Context, f *solver.Failure) (func(io.Writer) io.WriteCloser, error) {
	var lines []string
	for _, id := range secretsOf(f) {
		value, err := e.Secrets.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(value)) {
			if line = strings.TrimRight(line, "\r\n"); len(strings.TrimSpace(line)) >= minMasked {
				lines = append(lines, line)
			}
		}
	}
	set := scrub.NewSet(lines...)
	return func(w io.Writer) io.WriteCloser {
		if e.Keep.Mask == nil {
			return set.Writer(w)
		}
		outer := e.Keep.Mask(w)
		return chained{set.Writer(outer), outer}
	}, nil
}

// chained is a writer that writes to another one, which it closes too.
type chained struct {
	io.WriteCloser
	next io.Closer
}

func (c chained) Close() error { return errors.Join(c.WriteCloser.Close(), c.next.Close()) }

// secretsOf are the ids of the secrets that the failed exec had. The addresses of its services are none.
func secretsOf(f *solver.Failure) (ids []string) {
	for _, v := range f.Exec.GetSecretenv() {
		if v.GetName() != hostsVariable {
			ids = append(ids, v.GetID())
		}
	}
	for _, m := range f.Exec.GetMounts() {
		if m.GetSecretOpt() != nil {
			ids = append(ids, m.GetSecretOpt().GetID())
		}
	}
	return ids
}

// describeStep are the lines about the failed exec: its command and all that it had, without the values of secrets.
func describeStep(f *solver.Failure, in execmeta.Instruction, said *ExecError, kept []string) []string {
	lines := []string{
		"command: " + commandLine(said.Cmd), fmt.Sprintf("exit code: %d", said.ExitCode),
		"user: " + first(in.User, "root"), "working directory: " + first(in.Workdir, "/"),
	}
	for _, kv := range in.Env {
		lines = append(lines, "environment: "+kv)
	}
	for _, name := range in.SecretEnv {
		if name != hostsVariable {
			lines = append(lines, "secret variable, not kept: "+name)
		}
	}
	whats := map[pb.MountType]string{
		pb.MountType_BIND: "mount, kept", pb.MountType_CACHE: "cache volume, not kept", pb.MountType_SECRET: "secret file, not kept",
		pb.MountType_SSH: "socket, not kept", pb.MountType_TMPFS: "temporary folder, not kept",
	}
	for _, m := range f.Exec.GetMounts() {
		dest := m.GetDest()
		if dest == pb.RootMount || slices.Contains(internalMounts, dest) {
			continue
		}
		what := whats[m.GetMountType()]
		if m.GetMountType() == pb.MountType_BIND && !slices.Contains(kept, dest) {
			what = "empty mount, not kept"
		}
		lines = append(lines, what+": "+dest)
	}
	return lines
}
