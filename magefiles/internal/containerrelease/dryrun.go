package containerrelease

import (
	"context"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// DryRun returns the same use case with a forge that gets nothing: it prints what would be pushed. All checks still run,
// against the real forge and registry.
func (r Release) DryRun(plan func(string)) Release {
	r.Tagger = planTagger{r.Tagger, plan}
	r.Remote = planTagRemote{r.Remote, plan}
	r.Watch, r.goal = nil, step.StatusPlanned
	r.plan = plan
	return r
}

type planTagger struct {
	Tagger
	plan func(string)
}

func (t planTagger) Tag(_ context.Context, name, commit, _ string, _ time.Time) (string, error) {
	t.plan(fmt.Sprintf("would tag commit %.12s as %s", commit, name))
	return "planned", nil
}

type planTagRemote struct {
	Remote
	plan func(string)
}

func (r planTagRemote) PushTag(_ context.Context, name, _ string) error {
	r.plan("would push " + name + ", and nothing else")
	return nil
}
