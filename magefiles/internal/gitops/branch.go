// Package gitops has the parts that promotions and releases share: a commit on the branch that is deployed, its push, and its deployment. It declares
// the interfaces for the repository and for the deployment.
package gitops

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// MaxRaces bounds the pushes that a use case may lose to others.
const MaxRaces = 10

// Branch is the forge's branch, for a use case that makes one commit on it. After a lost race it makes the commit again on the new state.
type Branch struct {
	Origin Origin
	Note   func(string)
	races  int
	Heads  vcs.Heads // of the last look
}

// Step names a step, so that a second attempt has another name.
func (b *Branch) Step(name string) string {
	if b.races > 0 {
		return fmt.Sprintf("%s (attempt %d)", name, b.races+1)
	}
	return name
}

// Run takes the steps, and all of them again after a lost race.
func (b *Branch) Run(ctx context.Context, watch step.Watch, steps func() []step.Step) error {
	for {
		err := step.Run(ctx, watch, steps())
		var race *vcs.RaceError
		if !errors.As(err, &race) || b.races >= MaxRaces {
			return err
		}
		b.races++
		b.Note(race.Error() + "; starting again from the new commit")
	}
}

// Look reads the present state.
func (b *Branch) Look(ctx context.Context) (err error) {
	b.Heads, err = b.Origin.Look(ctx)
	return err
}

// Push pushes. If the answer was lost, it asks the remote whether the branch has the commit.
func (b *Branch) Push(ctx context.Context, commit string) error {
	err := b.Origin.Push(ctx, vcs.Push{Branch: b.Heads.Branch, Old: b.Heads.Commit, New: commit})
	if err == nil || ctx.Err() != nil {
		return err
	}
	heads, lookErr := b.Origin.Look(ctx)
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if has, lookErr := b.Origin.Contains(ctx, heads.Commit, commit); lookErr == nil && has {
		return nil
	}
	return err
}

// FastForward moves the user's checkout to the commit, also to one that an earlier run has pushed before it was ended: base is "" then. The push is done
// in any case, so an error here never makes a use case fail.
func FastForward(ctx context.Context, origin Origin, note func(string), branch, base, commit string) error {
	why, err := origin.FastForward(ctx, branch, base, commit)
	if err != nil {
		why = err.Error()
	}
	if why != "" && ctx.Err() == nil {
		note("the checkout was not updated (" + why + "); update it with `git pull --ff-only`")
	}
	return context.Cause(ctx)
}
