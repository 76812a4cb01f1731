package docsrelease

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// maxRounds bounds the rounds of a release.
const maxRounds = 3 * gitops.MaxRaces

// Run releases: it finishes the newest version if that is incomplete, else makes the next one if there are changes.
func (r Release) Run(ctx context.Context, args tasks.ReleaseArgs) (_ Released, err error) {
	req, err := r.parse(args)
	if err != nil {
		return Released{}, err
	}
	rel := &releasing{Release: r, request: req}
	defer func() {
		if closeErr := rel.close(); err == nil {
			err = closeErr
		}
	}()
	if err := rel.preflight(ctx); err != nil {
		return Released{}, err
	}
	for range maxRounds {
		done, err := rel.round(ctx)
		var race *vcs.RaceError
		switch {
		case errors.As(err, &race) && rel.races < gitops.MaxRaces:
			rel.races++
			rel.note(race.Error() + "; starting again from the new commit")
		case err != nil:
			return Released{}, err
		case done:
			return rel.outcome(), nil
		}
	}
	return Released{}, &vcs.RaceError{Err: errors.New("other releases were faster each time")}
}

// outcome is the result. In a dry run it has no results of a build.
func (r *releasing) outcome() Released {
	r.result.Page, r.result.Notes = r.d.page, r.d.notes
	if r.plan != nil && r.decision.goal != goalNothing {
		r.result.Status = step.StatusPlanned
	}
	if r.plan != nil && r.decision.goal == goalMake {
		r.result.Commit, r.result.URL, r.result.SHA256 = "", "", ""
	}
	return r.result
}

// round reads the state and does the remaining work. It is not done if it finished a version that another client had begun meanwhile.
func (r *releasing) round(ctx context.Context) (done bool, err error) {
	if err := step.Run(ctx, r.Watch, []step.Step{
		{Name: r.step("read the remote"), Run: r.look},
		{Name: r.step("find the newest release"), Run: r.assess},
		{Name: r.step("decide the next step"), Run: r.decide},
	}); err != nil {
		return false, err
	}
	switch r.decision.goal {
	case goalNothing:
		return true, step.Run(ctx, r.Watch, r.unchangedSteps())
	case goalFinish:
		return r.races == 0, step.Run(ctx, r.Watch, r.finishSteps())
	default:
		if err := r.checkAll(ctx, r.makeChecks()); err != nil {
			return false, err
		}
		return true, step.Run(ctx, r.Watch, append(r.makeSteps(), r.finishSteps()...))
	}
}

// step names a step, so that a second attempt has another name.
func (r *releasing) step(name string) string {
	if r.races > 0 {
		return fmt.Sprintf("%s (attempt %d)", name, r.races+1)
	}
	return name
}

// makeChecks are the checks before the build.
func (r *releasing) makeChecks() []step.Step {
	return []step.Step{
		{Name: r.step("check the tag protection of " + r.decision.version), Run: r.checkTag},
		{Name: r.step("check the checkout"), Run: r.checkCheckout},
		{Name: r.step("check the changelog of " + r.decision.version), Run: r.writeChangelog},
		{Name: r.step("check the manifest"), Run: r.checkManifest},
		{Name: r.step("check the builder"), Run: r.checkBuilder},
	}
}

// makeSteps make a version; nothing is final before the push.
func (r *releasing) makeSteps() []step.Step {
	return []step.Step{
		{Name: r.step("look for an earlier build"), Run: r.reuse},
		{Name: r.step("build the documentation"), Run: r.build},
		{Name: r.step("upload it"), Run: r.upload},
		{Name: r.step("write the build record"), Run: r.writeReceipt},
		{Name: r.step("write the manifest"), Run: r.pin},
		{Name: r.step("commit and tag"), Run: r.commit},
		{Name: r.step("push"), Run: r.push},
	}
}

// finishSteps finish a tagged version: they announce and deploy it.
func (r *releasing) finishSteps() []step.Step {
	return append(r.d.steps(r.step), step.Step{Name: r.step("remove old packages"), Run: r.retire})
}

// unchangedSteps are for a run that finds a complete release, of its own or another, except perhaps the checkout and the last
// step.
func (r *releasing) unchangedSteps() []step.Step {
	if r.newest.version == "" || !r.newest.own {
		return nil
	}
	return []step.Step{{Name: r.step("update the checkout"), Run: r.d.fastForward}, {Name: r.step("remove old packages"), Run: r.retire}}
}
