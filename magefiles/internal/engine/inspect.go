package engine

import (
	"context"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
)

// Outlook is the expected result of Connect, as far as it is known without building or starting anything.
type Outlook struct {
	Choice Choice // Dagger or Embedded
	Why    string // in a few words
	Start  error  // why it would not start; nil: no reason is known
	Run    error  // why steps that run a command would fail; nil: no reason is known
}

// Inspect returns the engine that Connect would choose, and missing requirements. For a Dagger engine it checks that it answers; only Connect checks
// the rest.
func Inspect(ctx context.Context, opts Options) Outlook {
	why, ok := daggerAvailable(ctx, opts)
	if opts.Choice == Dagger || opts.Choice != Embedded && ok {
		look := Outlook{Choice: Dagger, Why: why}
		if !ok {
			look.Start = &noDagger{why}
		} else if look.Start = checkDagger(ctx, opts); look.Start != nil && opts.Choice != Dagger && !isSlow(look.Start) {
			look.Start = fmt.Errorf("%w; until then builds use the embedded engine", look.Start)
		}
		return look
	}
	if opts.Choice == Embedded {
		why = "requested"
	}
	look := Outlook{Choice: Embedded, Why: why}
	look.Start, look.Run = daemon.Missing(ctx, opts.daemon())
	return look
}

// noDagger is the error for a choice that is not available.
type noDagger struct{ why string }

func (e *noDagger) Error() string { return "Dagger was requested, but is not available: " + e.why }

// Hint says what the user can do.
func (e *noDagger) Hint() string {
	return "start Docker, or set BLUMEOPS_ENGINE=auto"
}

// MissingPlatforms returns the platforms for which the embedded engine cannot run commands, as far as that is known.
func MissingPlatforms(ctx context.Context, opts Options, platforms []string) []string {
	return daemon.MissingPlatforms(ctx, opts.daemon(), platforms)
}
