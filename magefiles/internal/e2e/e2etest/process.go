package e2etest

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience bounds waits for what must come; it is no measure of how long that may take.
const Patience = 2 * time.Minute

// Process is a mage that was started.
type Process struct {
	T   testing.TB
	Cmd *exec.Cmd

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	grown          chan struct{} // gets a value when there is more output
	Ended          chan struct{}
}

// Start starts a mage with arguments.
func (w *Workspace) Start(args ...string) *Process {
	w.T.Helper()
	r := w.NewProcess(args...)
	r.Begin()
	return r
}

// NewProcess is a mage with arguments, not started yet.
func (w *Workspace) NewProcess(args ...string) *Process {
	r := &Process{T: w.T, Cmd: w.Command(args...), grown: make(chan struct{}, 1), Ended: make(chan struct{})}
	r.Cmd.Stdout, r.Cmd.Stderr = collector{r, &r.stdout}, collector{r, &r.stderr}
	return r
}

// Begin starts it.
func (r *Process) Begin() {
	r.T.Helper()
	if err := r.Cmd.Start(); err != nil {
		r.T.Fatal(err)
	}
	go func() {
		defer close(r.Ended)
		_ = r.Cmd.Wait() // its state tells
	}()
	r.T.Cleanup(func() { _ = r.Cmd.Process.Kill() }) // as a rule it has ended
}

type collector struct {
	running *Process
	to      io.Writer
}

func (c collector) Write(p []byte) (int, error) {
	c.running.mu.Lock()
	defer c.running.mu.Unlock()
	select {
	case c.running.grown <- struct{}{}:
	default:
	}
	return c.to.Write(p)
}

// Outcome is what a process that has ended came to.
func (r *Process) Outcome() Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Outcome{r.stdout.String(), r.stderr.String(), r.Cmd.ProcessState.ExitCode()}
}

// Says waits until the process has said text on stderr.
func (r *Process) Says(text string) {
	r.T.Helper()
	timeout := time.After(Patience)
	for {
		r.mu.Lock()
		said := strings.Contains(r.stderr.String(), text)
		r.mu.Unlock()
		if said {
			return
		}
		select {
		case <-r.grown:
		case <-r.Ended:
			r.T.Fatalf("it ended without saying %q: %+v", text, r.Outcome())
		case <-timeout:
			r.T.Fatalf("it does not say %q: %s", text, r.stderr.String())
		}
	}
}

// Reaches waits until a request of the process hangs at a registry.
func (r *Process) Reaches(s *Registry) {
	r.T.Helper()
	select {
	case <-s.reached:
	case <-r.Ended:
		r.T.Fatalf("it ended before a request hung: %+v", r.Outcome())
	case <-time.After(Patience):
		r.T.Fatal("no request of it hangs")
	}
}

// Signal sends a signal to it.
func (r *Process) Signal(s os.Signal) {
	r.T.Helper()
	if err := r.Cmd.Process.Signal(s); err != nil {
		r.T.Fatal(err)
	}
}

// Wait waits for the end.
func (r *Process) Wait() Outcome {
	r.T.Helper()
	select {
	case <-r.Ended:
		return r.Outcome()
	case <-time.After(Patience):
		r.T.Fatal("it does not end")
		return Outcome{}
	}
}

// Processes are the processes with the text on their command line, by id.
func Processes(text string) map[string]string {
	found := map[string]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(text)) {
			found[filepath.Base(filepath.Dir(file))] = string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		}
	}
	return found
}

// Gone waits until no process has text on its command line.
func Gone(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		left := Processes(text)
		if len(left) == 0 {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still there: %q", left)
		}
	}
}
