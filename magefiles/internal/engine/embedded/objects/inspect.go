package objects

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"mvdan.cc/sh/v3/syntax"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// FailedCommand is the variable of a shell in a failed step that holds its command.
const FailedCommand = "FAILED_COMMAND"

// shells are the commands that are tried, in this order.
var shells = []string{"bash", "sh"}

// shellDir is where the static shell is mounted in a root file system without a shell.
const shellDir = "/.blumeops-shell"

// lastLines is how many lines of a command's output are shown.
const lastLines = 20

// inspections are the failed steps that the user has seen, or is seeing. Several results may fail because of one step.
type inspections struct {
	mu   sync.Mutex
	done map[string]chan struct{}
}

// claim returns nil if the caller must show the step. Otherwise it returns a channel that is closed when another has shown it.
func (i *inspections) claim(key string) <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if done, ok := i.done[key]; ok {
		return done
	}
	if i.done == nil {
		i.done = map[string]chan struct{}{}
	}
	i.done[key] = make(chan struct{})
	return nil
}

func (i *inspections) settle(key string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	close(i.done[key])
}

// inspect shows the user the failed exec, once for each exec: it keeps the state that the exec left, and then opens a shell in the state that the
// exec saw. A failure of these is only logged: the error of the exec counts.
func (e *Env) inspect(ctx context.Context, f *solver.Failure, said *ExecError) {
	if f.Exec.GetMeta() == nil || said.ExitCode < 0 && said.Stdout == "" && said.Stderr == "" && len(said.Cmd) == 0 {
		return
	}
	key := fmt.Sprintf("%q %q %q", f.Exec.GetMeta().GetArgs(), withoutAttempt(f.Exec.GetMeta().GetEnv()), f.Inputs)
	if shown := e.inspections.claim(key); shown != nil {
		select {
		case <-shown:
		case <-ctx.Done():
		}
		return
	}
	defer e.inspections.settle(key)
	if e.Keep != nil {
		e.keep(ctx, f, said)
	}
	if !e.Inspect {
		return
	}
	if err := e.openInspection(ctx, f, said); err != nil && e.Log != nil {
		e.Log("no shell in the failed step: " + err.Error())
	}
}

func withoutAttempt(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, solver.AttemptVariable+"=") })
}

func (e *Env) openInspection(ctx context.Context, f *solver.Failure, said *ExecError) error {
	if err := e.mayAttend(); err != nil {
		return err
	}
	last, err := f.ReadMount(ctx, execmeta.Dir, execmeta.CombinedFile)
	if err != nil {
		return err
	}
	p, t := f.Before().Without(execmeta.Dir), execmeta.Terminal{Shells: shells}
	if err := e.Services.bindTo(ctx, &p, f.SecretVariable(hostsVariable)); err != nil {
		return err
	}
	p.Args = []string{execmeta.InitPath}
	if command := commandLine(said.Cmd); len(command) < execmeta.MaxEnv/2 {
		t.Env = append(t.Env, FailedCommand+"="+command)
	}
	if err := e.addShell(ctx, f, &p, &t, strings.Contains(said.Stderr, "exec format error")); err != nil {
		return err
	}
	_, err = e.converse(ctx, describe(said, last[execmeta.CombinedFile], t.Path != "", hasSecrets(p)), p, t)
	return err
}

// addShell mounts the static shell if the root file system has no shell, or if its programs are foreign to the machine.
func (e *Env) addShell(ctx context.Context, f *solver.Failure, p *solver.Process, t *execmeta.Terminal, foreign bool) error {
	in, err := instructionOf(ctx, f)
	if err != nil {
		return err
	}
	var paths []string
	for _, dir := range searchPath(in.Env) {
		for _, shell := range shells {
			paths = append(paths, path.Join("/", dir, shell))
		}
	}
	if e.Shell == nil {
		return nil
	}
	if found, err := e.Solver.Has(ctx, *p, paths...); err != nil || found != "" && !foreign {
		return err
	}
	dir, err := e.Shell(ctx)
	if err != nil {
		return err
	}
	st, err := e.Solver.Local(ctx, dir, solver.Selection{}, llb.WithCustomName("[internal] static shell"))
	if err != nil {
		return err
	}
	t.Path = path.Join(shellDir, "bin")
	if foreign {
		t.Shells = []string{path.Join(t.Path, "sh")}
	}
	ref, err := e.Solver.Solve(ctx, st)
	if err != nil {
		return err
	}
	p.Mounts = append(p.Mounts, gateway.Mount{Dest: shellDir, Ref: ref, MountType: pb.MountType_BIND, Readonly: true})
	return nil
}

// instructionOf is the instruction of the failed exec.
func instructionOf(ctx context.Context, f *solver.Failure) (execmeta.Instruction, error) {
	for _, kv := range f.Exec.GetMeta().GetEnv() {
		if text, ok := strings.CutPrefix(kv, execmeta.EnvName+"="); ok {
			return execmeta.Decode(text)
		}
	}
	files, err := f.ReadMount(ctx, execmeta.InputDir, execmeta.InstructionFile)
	if err != nil {
		return execmeta.Instruction{}, err
	}
	return execmeta.Decode(string(files[execmeta.InstructionFile]))
}

// searchPath are the folders of programs.
func searchPath(env []string) []string {
	found := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range env {
		if value, ok := strings.CutPrefix(kv, "PATH="); ok {
			found = value
		}
	}
	return strings.Split(found, ":")
}

// commandLine is a command for a shell: the text that a shell ran, or the quoted words.
func commandLine(cmd []string) string {
	if len(cmd) > 1 && slices.Contains(shells, path.Base(cmd[0])) && strings.HasSuffix(cmd[len(cmd)-2], "c") && strings.HasPrefix(cmd[len(cmd)-2], "-") {
		return cmd[len(cmd)-1]
	}
	words := make([]string, len(cmd))
	for i, word := range cmd {
		quoted, err := syntax.Quote(word, syntax.LangPOSIX)
		if err != nil { // it has bytes that POSIX cannot quote
			quoted = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words[i] = quoted
	}
	return strings.Join(words, " ")
}

func hasSecrets(p solver.Process) bool {
	return len(p.SecretEnv) > 0 || slices.ContainsFunc(p.Mounts, func(m gateway.Mount) bool { return m.MountType == pb.MountType_SECRET })
}

// describe tells the user what failed, and what the shell is.
func describe(said *ExecError, output []byte, static, secrets bool) []string {
	lines := []string{fmt.Sprintf("failed: %s (exit code %d)", strings.Join(said.Cmd, " "), said.ExitCode)}
	text := strings.TrimRight(string(output), "\n")
	if text == "" {
		text = said.Stdout + said.Stderr
	}
	for _, line := range last(text) {
		lines = append(lines, "  | "+line)
	}
	shell := "a shell in the state before this step: "
	if static {
		shell = "a shell in the state before this step (the image has none that runs here: the static shell of this machine, in " + shellDir + "): "
	}
	lines = append(lines, shell+`(eval "$`+FailedCommand+`") runs the command again; exit or Ctrl-D ends the shell, and the target fails`)
	if secrets {
		lines = append(lines, "the secrets of the step have their real values in this shell, and what you print is not masked")
	}
	return lines
}

// last are the last lines of an output.
func last(output string) []string {
	output = strings.TrimRight(output, "\n")
	if output == "" {
		return nil
	}
	lines := strings.Split(output, "\n")
	return lines[max(0, len(lines)-lastLines):]
}
