package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/build"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Shell opens a shell in the image of a container, or runs a command in it.
func (a *App) Shell(ctx context.Context, choice string, args tasks.ShellArgs) error {
	a.progress.title = "build " + args.Name
	settings.HidePasswords(args.Args, a.hide)
	a.command, a.shell = args.Command, args.Command == ""
	if !a.daggerRun() {
		if err := a.needTerminal(); err != nil {
			return err
		}
	}
	builder, err := a.builder(choice)
	if err != nil {
		return err
	}
	built, err := build.Build{Files: a.workTree(), Builder: builder, Watch: a.progress.step, Warn: a.console.Warn}.ForShell(ctx, args)
	if err != nil {
		return err
	}
	shell, err := pipeline.ShellOf(ctx, built, a.staticShell)
	if err != nil {
		return err
	}
	a.progress.finish(nil)
	if native := image.NativePlatform(); shell.Static && shell.Platform != native {
		a.console.Note(fmt.Sprintf("the image has no shell: the static shell of this machine, for %s, is mounted at /.blumeops-shell. Programs of the image are for %s: "+
			"without an emulator (apt-get install qemu-user-static binfmt-support), the shell reads them as scripts and reports a syntax error", native, shell.Platform))
	} else if shell.Static {
		a.console.Note("the image has no shell: the static shell of this machine is mounted at /.blumeops-shell, beside the files of the image")
	}
	code, err := a.useShell(ctx, shell, args.Command)
	if err == nil && code != 0 {
		err = &shellEnded{args.Command, code}
	}
	return err
}

// needsTerminal is the error of container:shell without a terminal.
type needsTerminal struct{ err error }

func (e *needsTerminal) Error() string { return "open a shell: " + e.err.Error() }
func (e *needsTerminal) Unwrap() error { return e.err }

// Hint says what to do.
func (e *needsTerminal) Hint() string {
	return "run it in the foreground of a terminal, without a pipe; or run one command, which needs no terminal: container:shell NAME -command='ls -l'"
}

// shellEnded is the error of a shell or a command that ended with another exit code than 0. Its output is shown already.
type shellEnded struct {
	command string
	code    int
}

func (e *shellEnded) Error() string {
	if e.command == "" {
		return fmt.Sprintf("the shell ended with exit code %d", e.code)
	}
	return fmt.Sprintf("%s: exit code %d", e.command, e.code)
}

// ExitStatus is the exit code.
func (e *shellEnded) ExitStatus() int { return e.code }

// useShell returns the exit code. Dagger does not tell that of an interactive shell.
func (a *App) useShell(ctx context.Context, shell pipeline.Shell, command string) (code int, err error) {
	if a.session.choice() == engine.Embedded {
		err = shell.Attend(ctx, command)
		a.shells.Wait()
		if a.streams != nil {
			if unwritten := a.streams.Flush(); unwritten != nil { // which ends the command
				err = unwritten
			}
		}
		if err == nil && len(a.left) > 0 {
			code = a.left[len(a.left)-1]
		}
		return code, err
	}
	if command == "" {
		return 0, onDaggersTerminal(shell.Attend(ctx, ""))
	}
	stdout, stderr, code, err := shell.Output(ctx, command, strconv.FormatInt(time.Now().UnixNano(), 36))
	if err != nil {
		return 0, err
	}
	streams := a.console.Streams()
	_, err = streams.Stdout.Write([]byte(stdout))
	_, err2 := streams.Stderr.Write([]byte(stderr))
	return code, errors.Join(err, err2, streams.Flush())
}

// noDaggerTerminal is the error of a session of Dagger without a terminal.
type noDaggerTerminal struct{ err error }

func (e *noDaggerTerminal) Error() string { return "open a shell: " + e.err.Error() }
func (e *noDaggerTerminal) Unwrap() error { return e.err }

// Hint says what to do.
func (e *noDaggerTerminal) Hint() string {
	return "`dagger run` requires a terminal for this: run it without a pipe, and without --silent and --progress; or use the embedded engine, without `dagger run`: -engine=embedded"
}

// onDaggersTerminal recognises by its message that the command of Dagger has no terminal.
func onDaggersTerminal(err error) error {
	if err == nil {
		return nil
	}
	for _, said := range []string{"failed to open terminal", "is not a terminal", "failed to close terminal"} {
		if strings.Contains(err.Error(), said) {
			return console.BadInput(&noDaggerTerminal{err})
		}
	}
	return err
}

// pipes are the streams of a command that needs no terminal: what it prints goes to stdout and stderr as it is, except that secrets are masked.
func (a *App) pipes(ctx context.Context, _ []string) (context.Context, *engine.Screen, error) {
	a.shells.Add(1)
	a.streams = a.console.Streams()
	return ctx, &engine.Screen{
		Streams: engine.Streams{Stdout: a.streams.Stdout, Stderr: a.streams.Stderr},
		Close: func(code int, _ error) {
			a.left = append(a.left, code)
			a.shells.Done()
		},
	}, nil
}
