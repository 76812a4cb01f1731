package task

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// branching is shared by tasks that make one commit on the forge's branch; after a lost race they make it again on the new state.
type branching struct {
	origin Origin
	note   func(string)
	races  int
	heads  vcs.Heads // of the last look
}

// step names a step, so that a second attempt has another name.
func (b *branching) step(name string) string {
	if b.races > 0 {
		return fmt.Sprintf("%s (attempt %d)", name, b.races+1)
	}
	return name
}

// run takes the steps, and all of them again after a lost race.
func (b *branching) run(ctx context.Context, watch Watch, steps func() []Step) error {
	for {
		err := run(ctx, watch, steps())
		var race *vcs.RaceError
		if !errors.As(err, &race) || b.races >= maxRaces {
			return err
		}
		b.races++
		b.note(race.Error() + "; starting again from the new commit")
	}
}

func (b *branching) look(ctx context.Context) (err error) {
	b.heads, err = b.origin.Look(ctx)
	return err
}

// pushed pushes. If the answer was lost, it asks the remote whether the branch has the commit.
func (b *branching) pushed(ctx context.Context, commit string) error {
	err := b.origin.Push(ctx, vcs.Push{Branch: b.heads.Branch, Old: b.heads.Commit, New: commit})
	if err == nil || ctx.Err() != nil {
		return err
	}
	heads, lookErr := b.origin.Look(ctx)
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if has, lookErr := b.origin.Contains(ctx, heads.Commit, commit); lookErr == nil && has {
		return nil
	}
	return err
}

// adopt moves the user's checkout to the commit, also to one that an earlier run has pushed before it was ended: base is "" then. The push is done
// in any case, so an error here never makes a task fail.
func adopt(ctx context.Context, origin Origin, note func(string), branch, base, commit string) error {
	why, err := origin.Adopt(ctx, branch, base, commit)
	if err != nil {
		why = err.Error()
	}
	if why != "" && ctx.Err() == nil {
		note("the checkout was not updated (" + why + "); update it with `git pull --ff-only`")
	}
	return context.Cause(ctx)
}
