package objects

import (
	"context"
	"errors"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

var containerTerminalFields = map[string]gql.Resolver{"terminal": field((*Container).openTerminal)}

// terminalCmd is the default command of a container's terminal.
type terminalCmd struct {
	args    []string
	refused string // an argument of withDefaultTerminalCmd that is not supported, "" if none was given
}

// terminalImage is the image in which Dagger shows a directory.
const terminalImage = "alpine:3.22.1"

// terminalDir is where a directory is mounted for its terminal.
const terminalDir = "/src"

func (c *Container) setTerminalCmd(a gql.Args) error {
	c.terminal = terminalCmd{args: a.Strings("args"), refused: privilege(a)}
	return nil
}

// privilege is the argument that asks for more rights than an exec has; "" if there is none.
func privilege(a gql.Args) string {
	for _, name := range []string{"experimentalPrivilegedNesting", "insecureRootCapabilities"} {
		if a.Bool(name) {
			return name
		}
	}
	return ""
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
	args, refused := a.Strings("cmd"), privilege(a)
	if len(args) == 0 {
		args = c.terminal.args
	}
	if refused == "" {
		refused = c.terminal.refused
	}
	if refused != "" {
		return gql.Unsupported{Type: of, Field: "terminal(" + refused + ")"}
	}
	if len(args) == 0 {
		args = []string{"sh"}
	}
	if err := c.env.mayAttend(); err != nil {
		return err
	}
	p, in, err := c.process(ctx, args)
	if err != nil {
		return err
	}
	_, err = c.env.converse(ctx, nil, p, in)
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

// process is a command with the root file system, the mounts and the secrets of the container.
func (c *Container) process(ctx context.Context, args []string) (solver.Process, execmeta.Terminal, error) {
	p, t := solver.Process{Args: append([]string{execmeta.InitPath}, args...), Hostname: "dagger"}, execmeta.Terminal{}
	if err := c.ready(ctx); err != nil {
		return p, t, err
	}
	if err := c.mountAll(ctx, &p); err != nil {
		return p, t, err
	}
	text, err := c.instruction(gql.Args{}).Encode()
	if err != nil {
		return p, t, err
	}
	if len(text) > execmeta.MaxEnv {
		files := llb.Scratch().File(llb.Mkfile("/"+execmeta.InstructionFile, 0o600, []byte(text)), llb.WithCustomName("[internal] instruction"))
		return p, t, c.env.addMount(ctx, &p, files, gateway.Mount{Dest: execmeta.InputDir, Readonly: true})
	}
	p.Env = append(p.Env, execmeta.EnvName+"="+text)
	return p, t, nil
}

// mountAll mounts the init, the root file system and all mounts of the container.
func (c *Container) mountAll(ctx context.Context, p *solver.Process) error {
	initState, err := c.env.initState(ctx)
	if err != nil {
		return err
	}
	if err := c.env.addMount(ctx, p, initState, gateway.Mount{Dest: execmeta.InitPath, Selector: initFile, Readonly: true}); err != nil {
		return err
	}
	for _, s := range c.secrets {
		if err := readable(s)(ctx); err != nil {
			return err
		}
		p.SecretEnv = append(p.SecretEnv, &pb.SecretEnv{ID: s.secret.id(), Name: s.name})
	}
	root := c.fs
	for _, m := range c.mounts {
		if m.emptyRoot() {
			root = llb.Scratch()
			continue
		}
		if err := c.env.addToProcess(ctx, p, m); err != nil {
			return err
		}
	}
	return c.env.addMount(ctx, p, root, gateway.Mount{Dest: pb.RootMount})
}

// addMount mounts a state as the options of to say.
func (e *Env) addMount(ctx context.Context, p *solver.Process, st llb.State, to gateway.Mount) error {
	if err := e.evaluate(ctx, st); err != nil {
		return err
	}
	m, err := e.Solver.Mount(ctx, st, to.Dest)
	if err != nil {
		return err
	}
	to.Ref = m.Ref
	p.Mounts = append(p.Mounts, to)
	return nil
}

// addToProcess is what runOption is for an exec.
func (e *Env) addToProcess(ctx context.Context, p *solver.Process, m mount) error {
	switch {
	case m.dir != nil:
		if err := m.dir.checks.run(ctx); err != nil {
			return err
		}
		return e.addMount(ctx, p, m.dir.st, gateway.Mount{Dest: m.target, Selector: m.dir.dir, Readonly: m.readOnly})
	case m.file != nil:
		if err := m.file.checks.run(ctx); err != nil {
			return err
		}
		return e.addMount(ctx, p, m.file.st, gateway.Mount{Dest: m.target, Selector: m.file.path, Readonly: m.readOnly})
	case m.cache != nil:
		return e.addMount(ctx, p, m.seed, gateway.Mount{
			Dest: m.target, Selector: m.seedDir, MountType: pb.MountType_CACHE,
			CacheOpt: &pb.CacheOpt{ID: "cache-" + m.cache.key, Sharing: cacheSharing[m.sharing]},
		})
	case m.secret != nil:
		p.Mounts = append(p.Mounts, gateway.Mount{
			Dest: m.target, MountType: pb.MountType_SECRET,
			SecretOpt: &pb.SecretOpt{ID: m.secret.id(), Uid: uint32(m.uid), Gid: uint32(m.gid), Mode: uint32(m.mode)},
		})
		return nil
	}
	p.Mounts = append(p.Mounts, gateway.Mount{Dest: m.target, MountType: pb.MountType_TMPFS})
	return nil
}

var cacheSharing = map[llb.CacheMountSharingMode]pb.CacheSharingOpt{
	llb.CacheMountShared: pb.CacheSharingOpt_SHARED, llb.CacheMountPrivate: pb.CacheSharingOpt_PRIVATE, llb.CacheMountLocked: pb.CacheSharingOpt_LOCKED,
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
