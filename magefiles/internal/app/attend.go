package app

import (
	"context"
	"os"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/staticshell"
)

// Inspect is the flag -interactive: a shell opens in each step that fails. Without a terminal it is refused. Below `dagger run` the terminal is
// Dagger's, and the refusal comes with the session.
func (a *App) Inspect(on bool) error {
	if a.inspect = on; !on || a.daggerRun() {
		return nil
	}
	return a.needTerminal()
}

// needTerminal is the error of a shell on the user's terminal without one; nil if there is one, or if no shell was requested.
func (a *App) needTerminal() error {
	err := a.console.MayAttend()
	switch {
	case err != nil && a.inspect:
		return console.BadInput(&flagError{"-interactive", err})
	case err != nil && a.shell:
		return console.BadInput(&needsTerminal{err})
	}
	return nil
}

// suits is the reason why a session with this engine cannot open the shells that were requested, before anything is built; nil for none.
func (a *App) suits(choice engine.Choice) error {
	switch {
	case choice == engine.Embedded:
		return a.needTerminal()
	case a.inspect:
		return console.BadInput(&notOnDagger{"-interactive", a.daggerRun()})
	case a.keep != nil:
		return console.BadInput(&notOnDagger{"-keep", a.daggerRun()})
	case a.shell && !a.daggerRun():
		return console.BadInput(notBelowDagger{})
	}
	return nil
}

// daggerRun reports whether a session of Dagger is open already, as below `dagger run`, which has the terminal.
func (a *App) daggerRun() bool { return os.Getenv("DAGGER_SESSION_PORT") != "" }

// flagError is an error of a flag.
type flagError struct {
	flag string
	err  error
}

func (e *flagError) Error() string { return e.flag + ": " + e.err.Error() }
func (e *flagError) Unwrap() error { return e.err }

// notOnDagger is the error of -interactive or -keep with the real Dagger, whose own command opens a shell too. Without --, that command reads the
// flags of the target as its own.
type notOnDagger struct {
	flag  string
	below bool
}

func (e *notOnDagger) Error() string {
	return e.flag + " requires the embedded engine, and this session is with Dagger"
}

// Hint says what to do.
func (e *notOnDagger) Hint() string {
	if e.below {
		return "leave out " + e.flag + ", and let Dagger open a shell in the failing step: `dagger run -i --` before the command; or use the embedded engine, without `dagger run`: -engine=embedded"
	}
	return "add -engine=embedded; or leave out " + e.flag + ", and let Dagger open a shell in the failing step: `dagger run -i --` before the command"
}

// notBelowDagger is the error of a shell on Dagger that Dagger would have no terminal for.
type notBelowDagger struct{}

func (notBelowDagger) Error() string {
	return "open a shell: this session is with Dagger, which has a terminal only below `dagger run`"
}

// Hint says what to do.
func (notBelowDagger) Hint() string {
	return "put `dagger run --` before the command; or use the embedded engine: -engine=embedded; or run one command, which needs no terminal: container:shell NAME -command='ls -l'"
}

// screen gives the user's terminal to a command in a container. The command outlives the request that it is for, as another build of the same
// run may have failed meanwhile; it ends with the target.
func (a *App) screen(ctx context.Context, lines []string) (context.Context, *engine.Screen, error) {
	a.shells.Add(1)
	at, err := a.console.Attend(ctx, lines)
	if err != nil {
		a.shells.Done()
		return ctx, nil, err
	}
	run, end := context.WithCancelCause(context.WithoutCancel(ctx))
	released := context.AfterFunc(a.target, func() { end(context.Cause(a.target)) })
	columns, rows := at.Size()
	sizes := make(chan engine.Size)
	go passSizes(run, at.Sizes(), sizes)
	return run, &engine.Screen{
		Streams: engine.Streams{Stdin: at, Stdout: at, Sizes: sizes}, Size: engine.Size{Columns: columns, Rows: rows}, Term: a.getenv("TERM"),
		Close: func(code int, err error) {
			released()
			end(context.Canceled)
			a.left = append(a.left, code)
			at.Close()
			a.shells.Done()
		},
	}, nil
}

func passSizes(ctx context.Context, from <-chan [2]int, to chan<- engine.Size) {
	for {
		select {
		case size := <-from:
			select {
			case to <- engine.Size{Columns: size[0], Rows: size[1]}:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// staticShell is the folder of a shell for images that have none.
func (a *App) staticShell(ctx context.Context) (string, error) {
	return staticshell.Folder(ctx, a.cacheAt)
}
