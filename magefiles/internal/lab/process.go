package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// program describes how a process is started.
type program struct {
	Name string   // for people
	Path string   // of the executable
	Args []string // without the name
	Env  []string // complete: nothing is inherited
	Dir  string   // working folder
	Log  string   // file that its output is appended to
}

// process is a server, or a part of one, that runs with this process and ends with it.
type process struct {
	program
	cmd     *exec.Cmd
	from    int64 // where its output begins in the log
	ended   chan struct{}
	endedBy error // set before ended is closed
}

// stopTime is how long a process may take to end before it is killed.
const stopTime = 5 * time.Second

// startProcess starts a program in its own process group.
func startProcess(p program) (*process, error) {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.Env, p.Dir, log, log
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	if err := start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	started := &process{program: p, cmd: cmd, from: info.Size(), ended: make(chan struct{})}
	go func() {
		started.endedBy = cmd.Wait()
		close(started.ended)
	}()
	return started, nil
}

// pollInterval is the interval of the checks whether a server is ready, and waitTime their limit: far more than the seconds that it takes, because a
// machine may be busy.
const (
	pollInterval = 50 * time.Millisecond
	waitTime     = 2 * time.Minute
)

// errWaitTime ends the wait of a caller whose context does not end.
var errWaitTime = fmt.Errorf("waited for %s", waitTime)

// ready returns when answers returns no error. If the process ends before that, or ctx does, or waitTime is over, the error holds the last output
// of the process and the last error of answers.
func (p *process) ready(ctx context.Context, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, waitTime, errWaitTime)
	defer cancel()
	var last error
	for {
		// A server that hangs is asked again.
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := answers(once)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready (%s): %s", p.Name, p.state(), p.lastOutput())
		case <-ctx.Done():
			return fmt.Errorf("%s did not become ready: %w; last check: %w; output: %s", p.Name, context.Cause(ctx), last, p.lastOutput())
		case <-time.After(pollInterval):
		}
	}
}

// state is how the process ended.
func (p *process) state() string {
	if p.endedBy == nil {
		return "exit status 0"
	}
	return p.endedBy.Error()
}

// lastOutput are the last lines of this process's output, with the file that has all of them.
func (p *process) lastOutput() string {
	const enough = 8 << 10
	f, err := os.Open(p.Log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(p.from, info.Size()-enough), enough))
	if err != nil {
		return err.Error()
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return "none (" + p.Log + ")"
	}
	return "\n" + tail(string(text)) + "\n(" + p.Log + ")"
}

// running reports whether the process has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stop ends the process and all processes that it started. Stopping a process that has ended is not an error.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	group := -p.cmd.Process.Pid
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopTime):
	}
	// Processes that it left, and the process itself if it ignored the signal.
	if err := syscall.Kill(group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	<-p.ended
	return nil
}

// freePort finds a port of 127.0.0.1 on which nothing listens. It is below the range that the kernel uses for connections and for listeners
// without a fixed port, which could take it before it is used. Another lab may still take it: only the start of the server shows that.
func freePort() (int, error) {
	const first, last, tries = 10_000, 32_767, 100
	var err error
	for range tries {
		var l net.Listener
		port := first + rand.IntN(last-first+1)
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}

// addrOr returns the address, or one of 127.0.0.1 with a free port if it is empty.
func addrOr(addr string) (string, error) {
	if addr = strings.TrimSpace(addr); addr != "" {
		return addr, nil
	}
	port, err := freePort()
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

// tail is the end of a program's output, with the reason of a failure.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
