//go:build unix

package console

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Attended is the user's terminal while a command has it.
type Attended struct {
	console *Console
	in, out *os.File
	saved   *term.State
	guard   *guard
	signals chan os.Signal
	sizes   chan [2]int
	woken   *os.File // its end wakes a waiting Read
	wake    *os.File
	closed  chan struct{}
	once    sync.Once
	modes   modes
}

func newAttended(c *Console, in, out *os.File) (a *Attended, err error) {
	a = &Attended{console: c, in: in, out: out, signals: make(chan os.Signal, 1), sizes: make(chan [2]int), closed: make(chan struct{})}
	if a.woken, a.wake, err = os.Pipe(); err != nil {
		return nil, fmt.Errorf("open the terminal: %w", err)
	}
	a.guard = startGuard(in)
	if a.saved, err = term.MakeRaw(int(in.Fd())); err != nil {
		a.guard.stop()
		a.wake.Close()
		return nil, fmt.Errorf("set the mode of the terminal: %w", err)
	}
	signal.Notify(a.signals, unix.SIGWINCH, unix.SIGCONT)
	go a.follow()
	return a, nil
}

// follow tells each new size. After a stop and a restart by job control, the mode is set again.
func (a *Attended) follow() {
	for {
		select {
		case <-a.closed:
			return
		case s := <-a.signals:
			if s == unix.SIGCONT {
				_, _ = term.MakeRaw(int(a.in.Fd())) // the terminal may be gone, and then a read says so
			}
		}
		columns, rows := a.Size()
		select {
		case a.sizes <- [2]int{columns, rows}:
		case <-a.closed:
			return
		}
	}
}

// Size is the number of columns and rows.
func (a *Attended) Size() (columns, rows int) { return (&terminal{int(a.out.Fd())}).size() }

// Sizes are the later sizes.
func (a *Attended) Sizes() <-chan [2]int { return a.sizes }

// Read reads what is typed. It takes nothing from the terminal before there is a caller, and ends at Close: the rest is for the next reader.
func (a *Attended) Read(p []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(a.in.Fd()), Events: unix.POLLIN}, {Fd: int32(a.woken.Fd()), Events: unix.POLLIN}}
	for {
		select {
		case <-a.closed:
			return 0, io.EOF
		default:
		}
		_, err := unix.Poll(fds, -1)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, fmt.Errorf("read the terminal: %w", err)
		case fds[1].Revents != 0:
			return 0, io.EOF
		case fds[0].Revents != 0:
			return a.in.Read(p)
		}
	}
}

// Write shows what the command prints.
func (a *Attended) Write(p []byte) (int, error) {
	a.modes.note(p)
	return a.out.Write(p)
}

// Close restores the terminal, and prints what waited. It may be called again.
func (a *Attended) Close() {
	a.once.Do(func() {
		close(a.closed)
		signal.Stop(a.signals)
		_, _ = a.out.WriteString(a.modes.undo()) // the terminal may be gone
		_ = term.Restore(int(a.in.Fd()), a.saved)
		a.guard.stop()
		a.wake.Close() // a reader may still use the other end, which nobody closes
		a.console.resume()
		<-a.console.attending
	})
}

// guard is a process that restores the mode of the terminal if this process is killed.
type guard struct {
	cmd   *exec.Cmd
	alive *os.File // its end tells the guard
}

// guardScript waits for the end of stdin. Then it restores the mode in $0 of the terminal, descriptor 3.
const guardScript = `trap '' HUP INT QUIT TERM TSTP TTIN TTOU; read -r end; stty "$0" <&3`

// startGuard starts a guard. Without stty there is none.
func startGuard(tty *os.File) *guard {
	save := exec.Command("stty", "-g") //nolint:noctx // takes no time
	save.Stdin = tty
	mode, err := save.Output()
	if err != nil {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer r.Close()
	g := &guard{cmd: exec.Command("sh", "-c", guardScript, strings.TrimSpace(string(mode))), alive: w} //nolint:noctx // ends with this process
	g.cmd.Stdin, g.cmd.ExtraFiles = r, []*os.File{tty}
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a signal to the process group of this process does not reach it
	if err := g.cmd.Start(); err != nil {
		w.Close()
		return nil
	}
	return g
}

// stop ends the guard before it could change the terminal.
func (g *guard) stop() {
	if g == nil {
		return
	}
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // it was killed
	g.alive.Close()
}
