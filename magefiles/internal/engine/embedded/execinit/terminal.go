//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/frame"
)

// notFound is the exit code of shells for a command that is not found.
const notFound = 127

// runForPerson runs the command of a person: its streams are messages of package frame. It ends when its input ends.
func runForPerson(args []string, text string, at place) int {
	t, err := execmeta.DecodeTerminal(text)
	if err != nil {
		return complain(err)
	}
	in, err := readInstruction(at.input)
	if err != nil {
		return complain(err)
	}
	j, err := prepareTerminal(args, in, t, at)
	if err != nil {
		return complain(err)
	}
	out := &messages{to: os.Stdout}
	inputEnded := make(chan struct{})
	code, err := j.converse(t, out, inputEnded)
	if err == nil {
		err = out.send(frame.Exit, frame.Numbers(code))
	}
	if err != nil {
		return complain(err)
	}
	<-inputEnded
	return 0
}

// prepareTerminal sets up the user, the working directory and the environment as prepare does, but leaves the streams.
func prepareTerminal(args []string, in execmeta.Instruction, t execmeta.Terminal, at place) (*job, error) {
	id, err := lookupUser(in.User, at)
	if err != nil {
		return nil, err
	}
	if err := id.makeWorkdir(in.Workdir); err != nil {
		return nil, fmt.Errorf("failed to create working directory %s: %w", in.Workdir, err)
	}
	j := &job{args: args, workdir: in.Workdir, id: id, env: childEnvironment(in, os.LookupEnv, id.home)}
	for _, kv := range t.Env {
		if name, value, ok := strings.Cut(kv, "="); ok {
			j.env.set(name, value)
		}
	}
	for _, kv := range t.Defaults {
		name, value, _ := strings.Cut(kv, "=")
		if _, known := j.env.find(name); !known {
			j.env.set(name, value)
		}
	}
	if t.Path != "" {
		path, _ := j.env.find("PATH")
		j.env.set("PATH", strings.TrimPrefix(path+":"+t.Path, ":"))
	}
	unix.Umask(0o022)
	limitOpenFiles()
	return j, nil
}

// messages sends messages, one after the other.
type messages struct {
	mu sync.Mutex
	to io.Writer
}

func (m *messages) send(kind frame.Kind, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return frame.Write(m.to, kind, data)
}

// pump sends what r has until its end.
func (m *messages) pump(kind frame.Kind, r io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 && m.send(kind, buf[:n]) != nil {
			return // there is nobody to tell
		}
		if err != nil { // EIO: the last process on the terminal has ended
			return
		}
	}
}

// converse runs the command to its end. inputEnded is closed when the input of the init ends.
func (j *job) converse(t execmeta.Terminal, out *messages, inputEnded chan struct{}) (code int, err error) {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	ends, err := openEnds(t)
	if err != nil {
		return 0, err
	}
	pid, err := j.startOn(ends, t)
	ends.closeChild()
	ends.pid.Store(int64(pid))
	go func() {
		defer close(inputEnded)
		_ = frame.Read(os.Stdin, ends.take) // an invalid message ends the input
		ends.endInput()
	}()
	if err != nil {
		return notFound, out.send(frame.Stderr, []byte(err.Error()+"\r\n"))
	}
	go forward(signals, pid)
	var pumps sync.WaitGroup
	for kind, r := range ends.outputs {
		pumps.Go(func() { out.pump(kind, r) })
	}
	status := wait(pid)
	ends.pid.Store(0)
	killRest(pid)
	for _, r := range ends.outputs {
		_ = r.SetReadDeadline(time.Now().Add(drainTime))
	}
	pumps.Wait()
	ends.input.close()
	if status.ExitCode < 0 {
		return 0, errors.New(status.Message)
	}
	return status.ExitCode, nil
}

// startOn starts the command, or the first shell that is found.
func (j *job) startOn(e *ends, t execmeta.Terminal) (pid int, err error) {
	program, err := j.enterShell(t.Shells)
	if err != nil {
		return 0, err
	}
	j.id.own(e.child...)
	p, err := os.StartProcess(program, j.args, &os.ProcAttr{
		Env: j.env, Files: e.child,
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: t.Columns > 0, Ctty: 0, Credential: j.id.credential()},
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = p.Release() }() // wait() reaps by number, with all others
	return p.Pid, nil
}

// enterShell changes to the working directory and finds the command, or the first of the shells.
func (j *job) enterShell(shells []string) (program string, err error) {
	if len(j.args) > 0 {
		return j.enter()
	}
	err = errors.New("no command has been set")
	for _, shell := range shells {
		j.args = []string{shell}
		if program, err = j.enter(); err == nil {
			return program, nil
		}
	}
	return "", err
}

// ends are the streams of a command: those that it gets, and the other ends of them.
type ends struct {
	child    []*os.File
	outputs  map[frame.Kind]*os.File
	input    *queue
	terminal *os.File     // nil if there is none
	pid      atomic.Int64 // of the command, while it runs
}

// openEnds opens a terminal, or pipes.
func openEnds(t execmeta.Terminal) (*ends, error) {
	if t.Columns > 0 {
		return openTerminal(t)
	}
	stdin, typed, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	e := &ends{child: []*os.File{stdin}, outputs: map[frame.Kind]*os.File{}, input: newQueue(typed)}
	for _, kind := range []frame.Kind{frame.Stdout, frame.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		e.child, e.outputs[kind] = append(e.child, w), r
	}
	return e, nil
}

func openTerminal(t execmeta.Terminal) (*ends, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	number := uint32(0)
	err = control(master, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetUint32(fd, unix.TIOCGPTN)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	e := &ends{
		child: []*os.File{slave, slave, slave}, outputs: map[frame.Kind]*os.File{frame.Stdout: master}, input: newQueue(master), terminal: master,
	}
	e.resize(t.Columns, t.Rows)
	return e, nil
}

// control uses the descriptor of a file, and leaves the file in its mode: Fd would make its reads block.
func control(f *os.File, use func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = use(int(fd)) })
	return errors.Join(err, failed)
}

func (e *ends) closeChild() {
	for _, f := range e.child {
		f.Close() // the three of a terminal are one file
	}
}

// take handles a message to the command.
func (e *ends) take(kind frame.Kind, data []byte) error {
	switch kind {
	case frame.Input:
		e.input.add(data)
	case frame.Close:
		e.endInput()
	case frame.Resize:
		e.resize(frame.Number(data, 0), frame.Number(data, 1))
	default:
		return fmt.Errorf("unknown message %q", kind)
	}
	return nil
}

// endInput ends the input. A terminal whose user is gone hangs up: its programs get the signal for that.
func (e *ends) endInput() {
	e.input.close()
	pid := int(e.pid.Load())
	if e.terminal == nil || pid == 0 {
		return
	}
	group := pid
	_ = control(e.terminal, func(fd int) (err error) { // without an answer the shell alone gets the signals
		if foreground, failed := unix.IoctlGetInt(fd, unix.TIOCGPGRP); failed == nil && foreground > 0 {
			group = foreground
		}
		return nil
	})
	for _, g := range []int{group, pid} {
		_ = unix.Kill(-g, unix.SIGHUP) // it may have ended
		_ = unix.Kill(-g, unix.SIGCONT)
	}
}

// resize sets the size of the terminal. The kernel signals the change to the programs on it.
func (e *ends) resize(columns, rows int) {
	if e.terminal == nil {
		return
	}
	_ = control(e.terminal, func(fd int) error { // the size is a help, no more
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)})
	})
}

// queue writes input to a command. The sender never waits for a command that does not read, so that a change of the size is not behind its input.
type queue struct {
	mu     sync.Mutex
	more   sync.Cond
	data   []byte
	closed bool
}

func newQueue(to io.WriteCloser) *queue {
	q := &queue{}
	q.more.L = &q.mu
	go func() {
		for {
			data, ok := q.next()
			if !ok {
				break
			}
			if _, err := to.Write(data); err != nil {
				break // the command does not read any more
			}
		}
		if q.pipe(to) {
			to.Close()
		}
	}()
	return q
}

// pipe reports whether to is a pipe, whose end the command sees. A terminal stays open for its output: the user ends its input with Ctrl-D.
func (q *queue) pipe(to io.WriteCloser) bool {
	f, ok := to.(*os.File)
	if !ok {
		return true
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

func (q *queue) next() (data []byte, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.data) == 0 && !q.closed {
		q.more.Wait()
	}
	data, q.data = q.data, nil
	return data, len(data) > 0
}

func (q *queue) add(data []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.data = append(q.data, data...)
		q.more.Signal()
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Signal()
}
