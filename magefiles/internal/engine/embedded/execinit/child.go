//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

// drainTime is how long the streams may stay open after all processes were killed. They end immediately, unless one of the processes hangs in the
// kernel.
const drainTime = 10 * time.Second

// run runs the command as a child: captures, scrubs, forwards signals, reaps.
func (j *job) run() execmeta.Status {
	stdout, stderr, err := j.streams()
	if err != nil {
		return execmeta.Status{ExitCode: execmeta.NotStarted, Message: err.Error()}
	}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)

	pid, err := j.start(stdout.w, stderr.w)
	if err != nil {
		fmt.Fprintln(stderr.w, err)
	}
	stdout.w.Close()
	stderr.w.Close()

	status := execmeta.Status{ExitCode: 1}
	if err == nil {
		go forward(signals, pid)
		status = wait(pid)
		killRest(pid)
	}
	if err := drain(stdout, stderr); err != nil {
		status.Message = err.Error()
	}
	return status
}

// streams makes the pipes of the command's output, and starts to read them.
func (j *job) streams() (stdout, stderr *stream, err error) {
	if j.service {
		return j.liveStreams()
	}
	combined, err := j.answer.create(execmeta.CombinedFile)
	if err != nil {
		return nil, nil, err
	}
	if stdout, err = newStream(j.secrets, os.Stdout, j.answer.stdout, combined, j.redirectedStdout); err != nil {
		return nil, nil, err
	}
	if stderr, err = newStream(j.secrets, os.Stderr, j.answer.stderr, combined, j.redirectedErr); err != nil {
		return nil, nil, err
	}
	go stdout.pump()
	go stderr.pump()
	return stdout, stderr, nil
}

// liveStreams are the streams of a service.
func (j *job) liveStreams() (stdout, stderr *stream, err error) {
	if stdout, err = newStream(j.secrets, os.Stdout); err != nil {
		return nil, nil, err
	}
	if stderr, err = newStream(j.secrets, os.Stderr); err != nil {
		return nil, nil, err
	}
	go stdout.pump()
	go stderr.pump()
	return stdout, stderr, nil
}

// start starts the command in its own session, so that signals reach all of its processes.
func (j *job) start(stdout, stderr *os.File) (pid int, err error) {
	program, err := j.enter()
	if err != nil {
		return 0, err
	}
	stdin, err := j.stdinPipe()
	if err != nil {
		return 0, err
	}
	defer stdin.Close()
	j.id.own(stdin, stdout, stderr)
	p, err := os.StartProcess(program, j.args, &os.ProcAttr{
		Env:   j.env,
		Files: []*os.File{stdin, stdout, stderr},
		Sys:   &syscall.SysProcAttr{Setsid: true, Credential: j.id.credential()},
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = p.Release() }() // wait() reaps by number, with all others
	return p.Pid, nil
}

// stdinPipe returns the reading end of a pipe that holds the stdin, or is empty.
func (j *job) stdinPipe() (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	if j.stdin == nil {
		w.Close()
		return r, nil
	}
	go func() {
		_, _ = io.Copy(w, j.stdin) // a command need not read its stdin
		w.Close()
	}()
	return r, nil
}

// forward passes signals on to the command's process group, except SIGURG, which the Go runtime uses, and SIGPIPE, which concerns the init's own
// streams.
func forward(signals <-chan os.Signal, pid int) {
	for s := range signals {
		if sig, ok := s.(syscall.Signal); ok && sig != unix.SIGCHLD && sig != unix.SIGURG && sig != unix.SIGPIPE {
			_ = unix.Kill(-pid, sig)
		}
	}
}

// wait reaps each process that ends, until the command ends.
func wait(pid int) execmeta.Status {
	for {
		var ws unix.WaitStatus
		ended, err := unix.Wait4(-1, &ws, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return execmeta.Status{ExitCode: execmeta.NotStarted, Message: fmt.Sprintf("wait for the command: %v", err)}
		case ended == pid && ws.Signaled():
			return execmeta.Status{ExitCode: 128 + int(ws.Signal()), Started: true}
		case ended == pid:
			return execmeta.Status{ExitCode: ws.ExitStatus(), Started: true}
		}
	}
}

// killRest ends the processes that the command left behind. When process 1 ends, all others end too, but the streams must reach their end before
// that.
func killRest(pid int) {
	if os.Getpid() == 1 {
		pid = 1 // kill(-1) is every process except process 1
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
}

// drain waits for the ends of the streams, and returns an error if one could not be kept.
func drain(stdout, stderr *stream) error {
	for _, s := range []*stream{stdout, stderr} {
		_ = s.r.SetReadDeadline(time.Now().Add(drainTime))
	}
	<-stdout.closed
	<-stderr.closed
	if stdout.tee.err != nil {
		return fmt.Errorf("keep stdout: %w", stdout.tee.err)
	}
	if stderr.tee.err != nil {
		return fmt.Errorf("keep stderr: %w", stderr.tee.err)
	}
	return nil
}
