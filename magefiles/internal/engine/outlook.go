package engine

import (
	"context"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
)

// Outlook is what Connect would come to, as far as that can be told without building or starting anything.
type Outlook struct {
	Choice Choice // Dagger or Embedded
	Why    string // in a few words
	Start  error  // why it would not start; nil: nothing is known
	Run    error  // why steps that run a command would fail; nil: nothing is known
}

// Look tells which engine would be taken, and what is missing for it. Of a Dagger engine it tells whether it answers; the rest only Connect finds out.
func Look(ctx context.Context, opts Options) Outlook {
	why, ok := daggerAtHand(ctx, opts)
	if opts.Choice == Dagger || opts.Choice != Embedded && ok {
		look := Outlook{Choice: Dagger, Why: why}
		if !ok {
			look.Start = &noDagger{why}
		} else if look.Start = checkDagger(ctx, opts); look.Start != nil && opts.Choice != Dagger && !isSlow(look.Start) {
			look.Start = fmt.Errorf("%w; until then builds take the embedded engine", look.Start)
		}
		return look
	}
	if opts.Choice == Embedded {
		why = "asked for"
	}
	look := Outlook{Choice: Embedded, Why: why}
	look.Start, look.Run = daemon.Lacks(ctx, opts.daemon())
	return look
}

// noDagger is a choice that cannot be had.
type noDagger struct{ why string }

func (e *noDagger) Error() string { return "Dagger is asked for, and cannot be had: " + e.why }

// Hint says what to do.
func (e *noDagger) Hint() string {
	return "start Docker, or leave the choice to auto (BLUMEOPS_ENGINE)"
}

// Missing tells which of some platforms the embedded engine could run no commands for, as far as that is known.
func Missing(ctx context.Context, opts Options, platforms []string) []string {
	return daemon.Runs(ctx, opts.daemon(), platforms)
}
