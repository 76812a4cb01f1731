//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/scrub"
)

// openFiles is the limit of open files that a command starts with.
const openFiles = 20000

// job is a command that is ready to start: every failure from here on is exit code 1 and a line on stderr.
type job struct {
	args    []string
	env     environment
	workdir string
	id      identity
	secrets *scrub.Set

	stdin                           *os.File // nil: empty
	redirectedStdout, redirectedErr *os.File // nil: none
	answer                          *answer
	service                         bool // the streams are not kept
}

// execute runs args and returns their status. It does not return if they replace the init.
func execute(args []string, in execmeta.Instruction, at place, answer *answer) execmeta.Status {
	j, err := prepare(args, in, at, answer)
	if err != nil {
		return execmeta.Status{ExitCode: execmeta.NotStarted, Message: err.Error()}
	}
	if in.NoInit {
		return j.replace()
	}
	return j.run()
}

// prepare does all that can fail before the command, in Dagger's order: the user, the redirects, then the working directory.
func prepare(args []string, in execmeta.Instruction, at place, answer *answer) (*job, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("no command has been set")
	}
	id, err := lookupUser(in.User, at)
	if err != nil {
		return nil, err
	}
	j := &job{args: args, workdir: in.Workdir, id: id, answer: answer, service: in.Service}
	if err := j.redirect(in, at.input); err != nil {
		return nil, err
	}
	if j.secrets, err = secrets(in); err != nil {
		return nil, err
	}
	if err := id.makeWorkdir(in.Workdir); err != nil {
		return nil, fmt.Errorf("failed to create working directory %s: %w", in.Workdir, err)
	}
	j.env = childEnvironment(in, os.LookupEnv, id.home)
	unix.Umask(0o022)
	limitOpenFiles()
	return j, nil
}

// redirect opens the sources and targets of the command's streams.
func (j *job) redirect(in execmeta.Instruction, input string) (err error) {
	switch {
	case in.RedirectStdin != "":
		if j.stdin, err = os.Open(from(in.Workdir, in.RedirectStdin)); err != nil {
			return fmt.Errorf("open redirect stdin file: %w", err)
		}
	case in.Stdin:
		if j.stdin, err = os.Open(filepath.Join(input, execmeta.StdinFile)); err != nil {
			return fmt.Errorf("open stdin: %w", err)
		}
	}
	if j.redirectedStdout, err = openRedirect("stdout", in.RedirectStdout, in.Workdir, j.id); err != nil {
		return err
	}
	j.redirectedErr, err = openRedirect("stderr", in.RedirectStderr, in.Workdir, j.id)
	return err
}

// enter changes to the working directory and finds the program. If a container runtime would refuse, the error has runc's text, because Dagger
// writes that to the stderr of such an exec.
func (j *job) enter() (program string, err error) {
	if entry, found := nameless(j.env); found {
		return "", runtimeError{fmt.Errorf("environment variable name can't be empty: %q", entry)}
	}
	if err := notDirectory(j.workdir); err != nil {
		return "", runtimeError{err}
	}
	if err := os.Chdir(j.workdir); err != nil {
		return "", runtimeError{err}
	}
	path, _ := j.env.find("PATH")
	return j.id.program(j.args[0], path)
}

// runtimeError is an error with the text of runc.
type runtimeError struct{ err error }

func (e runtimeError) Error() string {
	return "runc run failed: unable to start container process: error during container init: " + e.err.Error()
}

// limitOpenFiles sets the limit, or as much of it as the container may have.
func limitOpenFiles() {
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: openFiles, Max: openFiles}) == nil {
		return
	}
	var now syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now) == nil {
		now.Cur = min(now.Max, openFiles)
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &now)
	}
}
