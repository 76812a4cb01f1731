package e2e

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

// patience bounds waits for what must come; it is no measure of how long that may take.
const patience = 2 * time.Minute

// running is a mage that was started.
type running struct {
	t   testing.TB
	cmd *exec.Cmd

	mu             sync.Mutex
	stdout, stderr bytes.Buffer
	grown          chan struct{} // gets a value when there is more output
	ended          chan struct{}
}

func (w *world) start(args ...string) *running {
	w.t.Helper()
	r := newRunning(w, args...)
	r.begin()
	return r
}

func newRunning(w *world, args ...string) *running {
	r := &running{t: w.t, cmd: w.command(args...), grown: make(chan struct{}, 1), ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = collector{r, &r.stdout}, collector{r, &r.stderr}
	return r
}

func (r *running) begin() {
	r.t.Helper()
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.cmd.Wait() // its state tells
	}()
	r.t.Cleanup(func() { _ = r.cmd.Process.Kill() }) // as a rule it has ended
}

type collector struct {
	running *running
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

func (r *running) outcome() outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return outcome{r.stdout.String(), r.stderr.String(), r.cmd.ProcessState.ExitCode()}
}

// says waits until the process has said text on stderr.
func (r *running) says(text string) {
	r.t.Helper()
	timeout := time.After(patience)
	for {
		r.mu.Lock()
		said := strings.Contains(r.stderr.String(), text)
		r.mu.Unlock()
		if said {
			return
		}
		select {
		case <-r.grown:
		case <-r.ended:
			r.t.Fatalf("it ended without saying %q: %+v", text, r.outcome())
		case <-timeout:
			r.t.Fatalf("it does not say %q: %s", text, r.stderr.String())
		}
	}
}

// reaches waits until a request of the process hangs at a registry.
func (r *running) reaches(s *server) {
	r.t.Helper()
	select {
	case <-s.reached:
	case <-r.ended:
		r.t.Fatalf("it ended before a request hung: %+v", r.outcome())
	case <-time.After(patience):
		r.t.Fatal("no request of it hangs")
	}
}

func (r *running) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// wait waits for the end.
func (r *running) wait() outcome {
	r.t.Helper()
	select {
	case <-r.ended:
		return r.outcome()
	case <-time.After(patience):
		r.t.Fatal("it does not end")
		return outcome{}
	}
}

// processes are those on whose command line text stands, by id.
func processes(text string) map[string]string {
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

// gone waits until no process has text on its command line.
func gone(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		left := processes(text)
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
