package objects

import (
	"context"
	"errors"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

var containerTerminalFields = map[string]gql.Resolver{"terminal": field((*Container).openTerminal)}

// terminalCmd is the default command of a container's terminal.
type terminalCmd struct {
	args []string
	more privileges
}

// terminalImage is the image in which Dagger shows a directory.
const terminalImage = "alpine:3.22.1"

// terminalDir is where a directory is mounted for its terminal.
const terminalDir = "/src"

func (c *Container) setTerminalCmd(a gql.Args) error {
	c.terminal = terminalCmd{args: a.Strings("args"), more: privilegesOf(a, privileges{})}
	return nil
}

// openTerminal runs a command on the user's terminal. Its changes are lost, and its exit code is not an error. It opens again at each call.
func (c *Container) openTerminal(ctx context.Context, a gql.Args) (any, error) {
	if err := c.attend(ctx, "Container", a); err != nil {
		return nil, err
	}
	return gql.Fresh{Value: c}, nil
}

func (d *Directory) openTerminal(ctx context.Context, a gql.Args) (any, error) {
	c, given, err := gql.Object[*Container](a, "container")
	if err != nil {
		return nil, err
	}
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	if !given {
		if c, err = d.env.terminalContainer(ctx); err != nil {
			return nil, err
		}
	}
	c = c.mount(mount{target: terminalDir, dir: d.known(), readOnly: true})
	c.config.workdir = terminalDir
	if err := c.attend(ctx, "Directory", a); err != nil {
		return nil, err
	}
	return gql.Fresh{Value: d}, nil
}

// attend runs the command of a terminal to its end.
func (c *Container) attend(ctx context.Context, of string, a gql.Args) error {
	args := a.Strings("cmd")
	if len(args) == 0 {
		args = c.terminal.args
	}
	rights, err := c.env.granted(privilegesOf(a, c.terminal.more), of+".terminal")
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"sh"}
	}
	if err := c.env.mayAttend(); err != nil {
		return err
	}
	p, err := c.process(ctx, args, rights)
	if err != nil {
		return err
	}
	_, err = c.env.converse(ctx, nil, p, execmeta.Terminal{})
	return err
}

// errNoTerminal is the error of a session without a terminal.
var errNoTerminal = errors.New("terminal: this session has no terminal: run the command in the foreground of a terminal, without a pipe on stdin or stdout, and not in CI")

func (e *Env) mayAttend() error {
	if e.Screen == nil {
		return errNoTerminal
	}
	if e.CanExec != nil {
		return e.CanExec()
	}
	return nil
}

// process is a command in the container, with all that a step has.
func (c *Container) process(ctx context.Context, args []string, rights pb.SecurityMode) (solver.Process, error) {
	if err := c.ready(ctx); err != nil {
		return solver.Process{}, err
	}
	run, err := c.exec(ctx, args, c.instruction(gql.Args{}), "", rights)
	if err != nil {
		return solver.Process{}, err
	}
	p, err := run.last.process(ctx, c.env)
	return p.Without(execmeta.Dir), err
}

// process is the command of an exec. The services that it uses are started.
func (x *execution) process(ctx context.Context, e *Env) (solver.Process, error) {
	if err := x.checks.run(ctx); err != nil {
		return solver.Process{}, err
	}
	p, err := e.Solver.Process(ctx, x.answer)
	if err != nil {
		return p, e.stepError(ctx, err)
	}
	return p, e.Services.bindTo(ctx, &p, x.bindings)
}

// converse gives the user's terminal to a process, after the lines, and returns its exit code.
func (e *Env) converse(ctx context.Context, lines []string, p solver.Process, t execmeta.Terminal) (code int, err error) {
	ctx, screen, err := e.Screen(ctx, lines)
	if err != nil {
		return 0, err
	}
	defer func() { screen.Close(code, err) }()
	if screen.Sizes != nil {
		t.Columns, t.Rows = max(screen.Columns, 1), max(screen.Rows, 1)
		t.Defaults = append(t.Defaults, "TERM="+first(screen.Term, "xterm"))
	}
	text, err := t.Encode()
	if err != nil {
		return 0, err
	}
	p.Env = append(p.Env, execmeta.TerminalName+"="+text)
	return e.Solver.Run(ctx, p, screen.Streams)
}

// terminalContainer is the container in which a directory is shown.
func (e *Env) terminalContainer(ctx context.Context) (*Container, error) {
	named, err := reference.ParseNormalizedNamed(terminalImage)
	if err != nil {
		return nil, err
	}
	c := &Container{env: e, platform: platforms.Normalize(e.Solver.Platform()), fs: llb.Scratch()}
	host := reference.Domain(named)
	return c.fromImage(ctx, named, imageRegistry{host, host})
}
