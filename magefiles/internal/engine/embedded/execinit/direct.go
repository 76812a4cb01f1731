//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

// replace executes the command in place of the init (NoInit). It returns only if that fails. Until then the status file says that the exit code
// is that of the exec itself.
func (j *job) replace() execmeta.Status {
	if err := j.placeStreams(); err != nil {
		return execmeta.Status{ExitCode: execmeta.NotStarted, Message: err.Error()}
	}
	program, err := j.enter()
	if err == nil {
		err = j.answer.writeStatus(execmeta.Status{Started: true, Direct: true})
	}
	if err == nil {
		err = j.become(program)
	}
	fmt.Fprintln(os.Stderr, err)
	return execmeta.Status{ExitCode: 1}
}

// placeStreams replaces the init's own streams with the command's.
func (j *job) placeStreams() error {
	stdin := j.stdin
	if stdin == nil {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("make pipe: %w", err)
		}
		w.Close()
		j.id.own(r)
		stdin = r
	}
	stdout, stderr := j.answer.stdout, j.answer.stderr
	if j.service {
		stdout, stderr = os.Stdout, os.Stderr
	}
	if j.redirectedStdout != nil {
		stdout = j.redirectedStdout
	}
	if j.redirectedErr != nil {
		stderr = j.redirectedErr
	}
	j.id.own(stdout, stderr)
	for fd, f := range []*os.File{stdin, stdout, stderr} {
		if int(f.Fd()) == fd {
			continue // it is in its place, and dup3 refuses it
		}
		if err := unix.Dup3(int(f.Fd()), fd, 0); err != nil {
			return fmt.Errorf("place stream %d: %w", fd, err)
		}
	}
	return nil
}

// become changes the identity and executes the program.
func (j *job) become(program string) error {
	if j.id.credential() != nil {
		if err := syscall.Setgroups(j.id.groups); err != nil {
			return fmt.Errorf("set groups: %w", err)
		}
		if err := syscall.Setresgid(j.id.gid, j.id.gid, j.id.gid); err != nil {
			return fmt.Errorf("set group: %w", err)
		}
		if err := syscall.Setresuid(j.id.uid, j.id.uid, j.id.uid); err != nil {
			return fmt.Errorf("set user: %w", err)
		}
	}
	return &fs.PathError{Op: "fork/exec", Path: program, Err: syscall.Exec(program, j.args, j.env)}
}
