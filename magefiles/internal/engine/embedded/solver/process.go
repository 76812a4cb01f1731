package solver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/frame"
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

// Process is a command in a container that is not a step: a person uses it, and nothing of it is kept except the content of cache volumes.
type Process struct {
	Mounts    []gateway.Mount // one of them at "/"
	Hostname  string
	Network   pb.NetMode
	Hosts     []*pb.HostIP
	Args, Env []string
	SecretEnv []*pb.SecretEnv
}

// Mount is a mount of the result of st at dest. The result itself does not change.
func (s *Solver) Mount(ctx context.Context, st llb.State, dest string) (gateway.Mount, error) {
	m := gateway.Mount{Dest: dest, MountType: pb.MountType_BIND}
	st, err := s.unshared(ctx, st)
	if err != nil {
		return m, err
	}
	ref, err := s.Solve(ctx, st)
	if err != nil || ref == nil {
		return m, err
	}
	m.Ref = ref
	return m, nil
}

// unshared is a copy of a host directory, for the reason of copyWhatChanges; other states are not changed.
func (s *Solver) unshared(ctx context.Context, st llb.State) (llb.State, error) {
	if st.Output() == nil {
		return st, nil
	}
	def, err := st.Marshal(ctx, llb.Platform(s.Platform()))
	if err != nil {
		return st, err
	}
	if len(def.Def) < 2 {
		return st, nil
	}
	head := &pb.Op{}
	if err := head.UnmarshalVT(def.Def[len(def.Def)-2]); err != nil {
		return st, err
	}
	if !isLocal(head.GetSource()) {
		return st, nil
	}
	return llb.Scratch().File(llb.Copy(st, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true}), llb.WithCustomName("[internal] copy")), nil
}

// releaseTime limits the removal of a container whose session ends.
const releaseTime = 10 * time.Second

// Run runs a process to its end and returns its exit code. If ctx ends first, the process is killed. The first argument of the process is the
// exec init, which speaks the messages of package frame.
func (s *Solver) Run(ctx context.Context, p Process, to Streams) (code int, err error) {
	ctr, err := s.gateway.NewContainer(ctx, gateway.NewContainerRequest{
		Mounts: p.Mounts, Hostname: p.Hostname, NetMode: p.Network, ExtraHosts: p.Hosts,
	})
	if err != nil {
		return 0, s.stopped(err)
	}
	defer func() {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
		defer cancel()
		_ = ctr.Release(release) // the error is that of the process again
	}()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	c := newConversation(to, fail)
	defer c.end()
	started, err := ctr.Start(ctx, gateway.StartRequest{
		Args: p.Args, Env: p.Env, SecretEnv: p.SecretEnv, Cwd: "/", Stdin: c.input, Stdout: writer{c}, Stderr: writer{&c.complaint},
	})
	if err != nil {
		return 0, s.stopped(err)
	}
	go c.resize(ctx)
	go c.read()
	go s.watch(ctx, fail)
	err = started.Wait()
	switch code, exited := c.exitCode(); {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case exited:
		return code, nil
	case c.complaint.Len() > 0:
		return 0, errors.New(strings.TrimSpace(c.complaint.String()))
	case err != nil:
		return 0, s.stopped(err)
	}
	return 0, errors.New("the command ended without an exit code")
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
	ctr, err := s.gateway.NewContainer(ctx, gateway.NewContainerRequest{Mounts: []gateway.Mount{root}})
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
		case <-s.closed:
			fail(s.stopped(errClosed))
		case <-tick.C:
			if _, err := s.client.Info(ctx); grpcerrors.Code(err) == codes.Unavailable {
				fail(lost(err))
			}
		}
	}
}

// conversation is the traffic between a user and the exec init.
type conversation struct {
	to        Streams
	fail      func(error) // ends the process
	output    frame.Decoder
	complaint bytes.Buffer // of the init itself; BuildKit writes to it from one goroutine, which has ended after Wait
	input     *io.PipeReader

	mu     sync.Mutex
	typed  *io.PipeWriter
	code   int
	exited bool
}

func newConversation(to Streams, fail func(error)) *conversation {
	c := &conversation{to: to, fail: fail}
	c.output.Handle = func(kind frame.Kind, data []byte) error {
		if err := c.handle(kind, data); err != nil {
			fail(err)
		}
		return nil // BuildKit's client would wait forever for a process whose output cannot be written
	}
	c.input, c.typed = io.Pipe()
	return c
}

// Write takes the output of the init.
func (c *conversation) Write(p []byte) (int, error) {
	if _, err := c.output.Write(p); err != nil {
		c.fail(err)
	}
	return len(p), nil // as in newConversation
}

// handle handles a message of the init.
func (c *conversation) handle(kind frame.Kind, data []byte) (err error) {
	switch kind {
	case frame.Stdout:
		_, err = c.to.Stdout.Write(data)
	case frame.Stderr:
		to := c.to.Stderr
		if c.to.Sizes != nil {
			to = c.to.Stdout
		}
		_, err = to.Write(data)
	case frame.Exit:
		c.mu.Lock()
		c.code, c.exited = frame.Number(data, 0), true
		c.mu.Unlock()
		c.end()
	default:
		err = fmt.Errorf("unknown message %q of the exec init", kind)
	}
	return err
}

func (c *conversation) exitCode() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code, c.exited
}

// end ends the input of the init, which then ends too.
func (c *conversation) end() { _ = c.typed.Close() } // never fails

// send sends a message to the init. After the end it does nothing.
func (c *conversation) send(kind frame.Kind, data []byte) error {
	var message bytes.Buffer
	if err := frame.Write(&message, kind, data); err != nil {
		return err
	}
	_, err := c.typed.Write(message.Bytes()) // a pipe keeps the bytes of one write together
	return err
}

// read passes on what the user types.
func (c *conversation) read() {
	buf := make([]byte, 32<<10)
	for c.to.Stdin != nil {
		n, err := c.to.Stdin.Read(buf)
		if n > 0 && c.send(frame.Input, buf[:n]) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	_ = c.send(frame.Close, nil) // an error says that the command has ended
}

// resize passes on each size of the terminal.
func (c *conversation) resize(ctx context.Context) {
	for {
		select {
		case size, ok := <-c.to.Sizes:
			if !ok || c.send(frame.Resize, frame.Numbers(size.Columns, size.Rows)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// writer is a writer that is never closed.
type writer struct{ io.Writer }

func (writer) Close() error { return nil }
