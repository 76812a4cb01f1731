package objects

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

var containerExecFields = map[string]gql.Resolver{
	"withExec":       field((*Container).withExec),
	"stdout":         output(execmeta.StdoutFile),
	"stderr":         output(execmeta.StderrFile),
	"combinedOutput": field((*Container).combinedOutput),
	"exitCode":       field((*Container).exitCode),
	"withError":      setter((*Container).setError),
	"sync":           field(func(c *Container, ctx context.Context, _ gql.Args) (any, error) { return nil, c.ready(ctx) }),
}

// errNoCommand is Dagger's error if there is no command to run, or none ran.
var errNoCommand = errors.New("no command has been set")

// execution is an exec's answer: its mount that holds the streams and the exit code.
type execution struct {
	answer  llb.State
	checks  checks
	secrets []*Secret // to scrub on reading, if the exec could not
	direct  bool      // the command replaced the init
	// bindings is the id of the secret with the addresses of the services, "" for none.
	bindings string
}

func (c *Container) withExec(ctx context.Context, a gql.Args) (any, error) {
	rights, err := c.env.rights(a, "Container.withExec")
	if err != nil {
		return nil, err
	}
	if a.Has("stdin") && a.Has("redirectStdin") {
		return nil, errors.New("cannot set both stdin and redirectStdin")
	}
	args := a.Strings("args")
	if a.Bool("expand") {
		for i := range args {
			args[i] = c.expand(args[i])
		}
	}
	if len(args) == 0 {
		args = c.config.args
	}
	if a.Bool("useEntrypoint") && len(c.config.entrypoint) > 0 {
		args = append(append([]string(nil), c.config.entrypoint...), args...)
	}
	if len(args) == 0 {
		out := *c
		out.checks = c.checks.with(func(context.Context) error { return inSpan(errNoCommand) })
		out.last = &execution{answer: llb.Scratch(), checks: out.checks}
		return &out, nil
	}
	return c.exec(ctx, args, c.instruction(a), a.String("stdin"), rights)
}

// exec returns the container after the command, which runs when a result is requested.
func (c *Container) exec(ctx context.Context, args []string, in execmeta.Instruction, stdin string, rights pb.SecurityMode) (*Container, error) {
	if c.env.CanExec != nil {
		if err := c.env.CanExec(); err != nil {
			return nil, err
		}
	}
	bindings, err := c.bind(ctx)
	if err != nil {
		return nil, err
	}
	opts := []llb.RunOption{
		llb.Args(append([]string{execmeta.InitPath}, args...)), llb.Dir("/"), llb.With(llb.Hostname("dagger")),
		llb.WithCustomName("exec " + strings.Join(args, " ")), llb.Security(rights),
	}
	instruct, err := c.env.instruct(ctx, in, []byte(stdin))
	if err != nil {
		return nil, err
	}
	opts = append(append(opts, instruct...), bindOptions(bindings)...)
	found := append(checks(nil), c.checks...)
	for i, s := range c.secrets {
		if s.name == "" {
			found = found.with(func(context.Context) error { return inSpan(fmt.Errorf("malformed secret config at index %d", i)) })
		}
		opts = append(opts, llb.AddSecret(s.name, llb.SecretAsEnv(true), llb.SecretID(s.secret.id())))
		found = found.with(readable(s))
	}
	root, covered := c.fs, false
	for _, m := range c.mounts {
		if m.emptyRoot() {
			root, covered = llb.Scratch(), true
			continue
		}
		opts = append(opts, m.runOption())
		switch {
		case m.dir != nil:
			found = found.with(m.dir.checks...)
		case m.file != nil:
			found = found.with(m.file.checks...)
		}
	}
	for _, m := range c.sockets {
		opts = append(opts, m.runOption())
	}
	run := root.Run(opts...)
	out := *c
	out.fs, out.checks, out.imageRef = run.Root(), found, ""
	out.mounts = append([]mount(nil), c.mounts...)
	for i, m := range out.mounts {
		out.mounts[i] = m.after(run)
	}
	out.last = &execution{answer: run.GetMount(execmeta.Dir), checks: found, bindings: bindings}
	if covered {
		out.fs, out.checks = c.fs, found.with(func(ctx context.Context) error { return c.env.evaluate(ctx, run.Root()) })
	}
	if in.NoInit {
		out.last.secrets, out.last.direct = c.secretsInUse(), true
	}
	return &out, nil
}

// readable is the check that a secret variable's value can be read.
func readable(s secretVariable) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := s.secret.Plaintext(ctx); err != nil {
			return inSpan(fmt.Errorf("secret env %q: %w", s.name, err))
		}
		return nil
	}
}

// after is the mount after the exec has written to it.
func (m mount) after(run llb.ExecState) mount {
	switch {
	case m.readOnly:
	case m.dir != nil:
		d := *m.dir
		d.st = run.GetMount(m.target)
		m.dir = &d
	case m.file != nil:
		f := *m.file
		f.st = run.GetMount(m.target)
		m.file = &f
	}
	return m
}

func (c *Container) secretsInUse() []*Secret {
	var out []*Secret
	for _, s := range c.secrets {
		out = append(out, s.secret)
	}
	for _, m := range c.mounts {
		if m.secret != nil {
			out = append(out, m.secret)
		}
	}
	return out
}

// instruction is the instruction for the exec init.
func (c *Container) instruction(a gql.Args) execmeta.Instruction {
	expand := func(name string) string { return c.arg(a, name) }
	in := execmeta.Instruction{
		Env: c.config.env.env(), User: c.config.user, Workdir: c.config.workdir,
		Stdin: a.Has("stdin"), RedirectStdin: expand("redirectStdin"), RedirectStdout: expand("redirectStdout"), RedirectStderr: expand("redirectStderr"),
		Expect: execmeta.Expect(a.String("expect")), NoInit: a.Bool("noInit"),
	}
	for _, s := range c.secrets {
		in.SecretEnv = append(in.SecretEnv, s.name)
	}
	for _, m := range c.mounts {
		if m.secret != nil {
			in.SecretFiles = append(in.SecretFiles, m.target)
		}
	}
	return in
}

// instruct returns the run options that every exec has: the init, its instruction, and the mount for the answer.
func (e *Env) instruct(ctx context.Context, in execmeta.Instruction, stdin []byte) ([]llb.RunOption, error) {
	text, err := in.Encode()
	if err != nil {
		return nil, err
	}
	initState, err := e.initState(ctx)
	if err != nil {
		return nil, err
	}
	opts := []llb.RunOption{
		llb.AddMount(execmeta.InitPath, initState, llb.SourcePath(initFile), llb.Readonly),
		llb.AddMount(execmeta.Dir, llb.Scratch()),
	}
	files := llb.Scratch()
	needed := false
	if in.Stdin {
		action, err := e.filled(ctx, folders{}, "/"+execmeta.StdinFile, 0o600, stdin)
		if err != nil {
			return nil, err
		}
		files, needed = files.File(action, llb.WithCustomName("[internal] stdin")), true
	}
	if len(text) > execmeta.MaxEnv {
		files, needed = files.File(llb.Mkfile("/"+execmeta.InstructionFile, 0o600, []byte(text)), llb.WithCustomName("[internal] instruction")), true
	} else {
		opts = append(opts, llb.AddEnv(execmeta.EnvName, text))
	}
	if needed {
		opts = append(opts, llb.AddMount(execmeta.InputDir, files, llb.Readonly))
	}
	return opts, nil
}

// initFile is the init's path in the state that initState returns.
const initFile = "/init"

func (e *Env) initState(ctx context.Context) (llb.State, error) {
	dir, err := e.Init(ctx)
	if err != nil {
		return llb.State{}, err
	}
	return e.Solver.Local(ctx, dir, solver.Selection{}, llb.WithCustomName("[internal] exec init"))
}

// output is the resolver for one stream of the last exec.
func output(file string) gql.Resolver {
	return field(func(c *Container, ctx context.Context, _ gql.Args) (any, error) {
		if err := c.checks.run(ctx); err != nil {
			return nil, err
		}
		b, err := c.answer(ctx, file)
		return text(b), err
	})
}

// combinedOutput is both streams in the order of their writes. A command that replaced the init wrote each to a file: their order is not known.
func (c *Container) combinedOutput(ctx context.Context, _ gql.Args) (any, error) {
	if err := c.checks.run(ctx); err != nil {
		return nil, err
	}
	files := []string{execmeta.CombinedFile}
	if c.last != nil && c.last.direct {
		files = []string{execmeta.StdoutFile, execmeta.StderrFile}
	}
	var all []byte
	for _, f := range files {
		b, err := c.answer(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return text(all), nil
}

func (c *Container) exitCode(ctx context.Context, _ gql.Args) (any, error) {
	if err := c.checks.run(ctx); err != nil {
		return nil, err
	}
	b, err := c.answer(ctx, execmeta.StatusFile)
	if err != nil {
		return nil, err
	}
	return decodeStatus(b, 0).ExitCode, nil
}

func (c *Container) answer(ctx context.Context, file string) ([]byte, error) {
	if c.last == nil {
		return nil, errNoCommand
	}
	if err := c.last.checks.run(ctx); err != nil {
		return nil, err
	}
	if err := c.env.evaluate(ctx, c.last.answer); err != nil {
		return nil, err
	}
	b, err := c.env.Solver.ReadFile(ctx, c.last.answer, "/"+file)
	if isNotExist(err) { // the command replaced the init, which then wrote no file
		b, err = nil, nil
	}
	if err != nil || len(c.last.secrets) == 0 {
		return b, err
	}
	return scrubbed(ctx, b, c.last.secrets)
}

// scrubbed replaces the secrets in b.
func scrubbed(ctx context.Context, b []byte, secrets []*Secret) ([]byte, error) {
	var values []string
	for _, s := range secrets {
		v, err := s.Plaintext(ctx)
		if err != nil {
			return nil, err
		}
		values = append(values, string(v))
	}
	return scrub.NewSet(values...).Bytes(b), nil
}
