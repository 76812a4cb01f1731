package app

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/staticshell"
)

// Inspect is the flag -interactive: a shell opens in each step that fails. Without a terminal it is refused.
func (a *App) Inspect(on bool) error {
	if !on {
		return nil
	}
	a.inspect = true
	if err := a.console.MayAttend(); err != nil {
		return console.BadInput(&flagError{"-interactive", err})
	}
	return nil
}

// flagError is an error of a flag.
type flagError struct {
	flag string
	err  error
}

func (e *flagError) Error() string { return e.flag + ": " + e.err.Error() }
func (e *flagError) Unwrap() error { return e.err }

// notOnDagger is the error of a flag that the real Dagger does not support. Its own command opens a shell too.
type notOnDagger struct{ flag string }

func (e notOnDagger) Error() string {
	return e.flag + " requires the embedded engine, and this session is with Dagger"
}

// Hint says what to do.
func (e notOnDagger) Hint() string {
	return "add -engine=embedded; or let Dagger open a shell in the failing step: leave out " + e.flag + ", and put `dagger run -i` before the command"
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
