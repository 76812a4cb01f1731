//go:build linux

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// shell starts a shell script, with a log that an earlier process wrote to.
func shell(t *testing.T, script string, env ...string) *process {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	must(t, os.WriteFile(log, []byte("of an earlier process\n"), 0o600))
	p, err := startProcess(program{Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Env: env, Log: log})
	must(t, err)
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return p
}

// says waits for output of a process that matches the pattern.
func (p *process) says(t *testing.T, pattern string) []string {
	t.Helper()
	var found []string
	err := p.ready(t.Context(), func(context.Context) error {
		text, err := os.ReadFile(p.Log)
		if found = regexp.MustCompile(pattern).FindStringSubmatch(string(text)); found == nil {
			err = errors.Join(err, errors.New("it has not said it yet"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestReady(t *testing.T) {
	p := shell(t, "echo begun; exec sleep 1000")
	p.says(t, "begun")
	if !p.running() {
		t.Error("it does not run")
	}
}

func TestEndedBeforeItWasReady(t *testing.T) {
	p := shell(t, "for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; exit 3")
	never := errors.New("not yet")
	err := p.ready(t.Context(), func(context.Context) error { return never })
	if err == nil {
		t.Fatal("ready")
	}
	for _, want := range []string{"script ended before it was ready", "exit status 3", "\nline 3\n", "\nline 7\n", p.Log} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error has not %q:\n%v", want, err)
		}
	}
	for _, unwanted := range []string{"line 2", "earlier"} {
		if strings.Contains(err.Error(), unwanted) {
			t.Errorf("the error has %q:\n%v", unwanted, err)
		}
	}
}

func TestNeverReady(t *testing.T) {
	p := shell(t, "exec sleep 1000")
	never, enough := errors.New("not yet"), errors.New("that is enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := p.ready(ctx, func(context.Context) error {
		cancel(enough)
		return never
	})
	if !errors.Is(err, enough) {
		t.Errorf("error %v, want %v", err, enough)
	}
	if !strings.Contains(err.Error(), "output: none ("+p.Log+")") {
		t.Errorf("the error does not report the missing output: %v", err)
	}
}

// A wait for a server that never answers has a limit, even if the caller sets none.
func TestWaitsEnd(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	must(t, os.WriteFile(log, nil, 0o600))
	never := errors.New("not yet")
	for name, wait := range map[string]func(context.Context, func(context.Context) error) error{
		"ready": (&process{program: program{Name: "script", Log: log}}).ready,
		"until": func(ctx context.Context, answers func(context.Context) error) error {
			return waitUntil(ctx, "it works", answers)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := wait(context.Background(), func(context.Context) error {
				if time.Since(began) > 2*waitTime {
					return nil
				}
				return never
			})
			if !errors.Is(err, errWaitTime) || !errors.Is(err, never) {
				t.Errorf("%s: error %v, want %v and %v", name, err, errWaitTime, never)
			}
		})
	}
}

func TestStopLetsAProcessFinish(t *testing.T) {
	p := shell(t, `trap 'echo put away; exit 0' TERM; echo begun; while :; do sleep 0.01; done`)
	p.says(t, "begun")
	must(t, p.stop())
	if words := p.lastOutput(); !strings.Contains(words, "put away") {
		t.Errorf("last words: %s", words)
	}
	must(t, p.stop()) // a second time
	var none *process
	must(t, none.stop())
}

// The children of a process end with it, even if they ignore signals.
func TestStopEndsChildren(t *testing.T) {
	p := shell(t, `(trap '' TERM; echo child; exec sleep 1000) & echo number $!; wait`)
	p.says(t, "child")
	child, err := strconv.Atoi(p.says(t, `number (\d+)`)[1])
	must(t, err)
	must(t, p.stop())
	waitGone(t, child)
}

func TestStopKillsTheStubborn(t *testing.T) {
	t.Parallel() // it takes stopTime
	p := shell(t, `trap '' TERM; echo begun; while :; do sleep 0.1; done`)
	p.says(t, "begun")
	must(t, p.stop())
	if p.running() || p.state() != "signal: killed" {
		t.Errorf("running %v, %s", p.running(), p.state())
	}
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("LAB_SECRET", "seen")
	for _, env := range [][]string{nil, {"A=1"}} {
		p := shell(t, "exec env", env...)
		<-p.ended
		words := p.lastOutput()
		if strings.Contains(words, "LAB_SECRET") || strings.Contains(words, "A=1") != (len(env) == 1) {
			t.Errorf("environment of %q: %s", env, words)
		}
	}
}

func TestProgramThatIsNotThere(t *testing.T) {
	_, err := startProcess(program{Name: "nothing", Path: filepath.Join(t.TempDir(), "none"), Log: filepath.Join(t.TempDir(), "log")})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "start nothing") {
		t.Errorf("error %v", err)
	}
}

// parentDir names the variable with the folder of the registry, for the process that TestNothingOutlivesItsParent kills.
const parentDir = "LAB_TEST_PARENT_DIR"

// TestParent is that process.
func TestParent(t *testing.T) {
	dir := os.Getenv(parentDir)
	if dir == "" {
		t.Skip("run by TestNothingOutlivesItsParent")
	}
	r, err := StartRegistry(t.Context(), Home{Dir: dir}, RegistryOptions{})
	must(t, err)
	fmt.Println("registry", r.process.cmd.Process.Pid)
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
	t.Error("was not killed")
}

func TestNothingOutlivesItsParent(t *testing.T) {
	_, err := Home{}.build(t.Context(), registryProgram) // otherwise the other process does, silently
	must(t, err)
	parent := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestParent$")
	parent.Env = append(os.Environ(), parentDir+"="+t.TempDir())
	parent.Stderr = os.Stderr
	in, err := parent.StdinPipe()
	must(t, err)
	defer in.Close()
	out, err := parent.StdoutPipe()
	must(t, err)
	must(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "registry ")))
	if err != nil {
		t.Fatalf("the parent says %q", line)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", child)); err != nil {
		t.Fatalf("the registry does not run: %v", err)
	}
	must(t, parent.Process.Kill())
	_ = parent.Wait() // returns the error that it was killed
	waitGone(t, child)
}

// goneTime is far longer than the kernel takes to end a process.
const goneTime = 30 * time.Second

// waitGone waits for the end of a process that is not a child of this one.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	must(t, err)
	defer unix.Close(fd)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(goneTime.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		must(t, err)
		if n == 0 {
			t.Errorf("process %d is still there", pid)
		}
		return
	}
}
