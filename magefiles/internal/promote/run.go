package promote

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Run promotes.
func (p Promote) Run(ctx context.Context, args tasks.PromoteArgs) (Result, error) {
	if args.Sync && p.Applications == nil {
		args.Sync = false // the supplied workflows pass -sync, and must also work for sites without Argo CD
		step.Say(p.Note, "this site has no Argo CD (setting ArgoCDURL, BLUMEOPS_ARGOCD_URL): nothing is synced")
	}
	one, err := p.prepare(args)
	if err != nil {
		return Result{}, err
	}
	if err := step.Run(ctx, p.Watch, []step.Step{
		{Name: "look up " + args.Version, Run: one.lookUp},
		{Name: "check the permission to push", Run: p.Origin.CheckPush},
	}); err != nil {
		return Result{}, err
	}
	if err := one.branch.Run(ctx, p.Watch, one.steps); err != nil {
		return Result{}, err
	}
	return one.result, step.Run(ctx, p.Watch, one.lastSteps())
}

// Check makes those checks of Run that are possible before there is an image: missing rights to push, manifests that do not use the
// container, or in a form that is not changed; with sync also missing Applications, or missing rights to sync them.
func (p Promote) Check(ctx context.Context, name string, sync bool) error {
	one, err := p.prepare(tasks.PromoteArgs{Name: name, Version: "v0.0.0", Sync: sync})
	if err != nil {
		return err
	}
	one.checking, one.digest = true, unknownDigest
	steps := []step.Step{
		{Name: "check the permission to push", Run: p.Origin.CheckPush},
		{Name: "read the remote", Run: one.branch.Look},
		{Name: "check the manifests that use " + name, Run: one.find},
	}
	if sync && p.Applications != nil {
		steps = append(steps, step.Step{Name: "check the Applications that deploy " + name, Run: one.findApplications})
	}
	return step.Run(ctx, p.Watch, steps)
}

func (p Promote) prepare(args tasks.PromoteArgs) (*promotion, error) {
	one := &promotion{Promote: p, args: args, branch: gitops.Branch{Origin: p.Origin, Note: func(s string) { step.Say(p.Note, s) }}}
	name, err := image.ParseName(args.Name)
	if err != nil {
		return nil, err
	}
	version := args.Version
	if version == VersionNewest {
		version = "v0.0.0" // until the registry is asked
	}
	parsed, err := p.Channels.Parse(version)
	if err != nil {
		return nil, err
	}
	if one.ref, err = image.NewReference(p.Host, p.Namespace, name, parsed); err != nil {
		return nil, err
	}
	one.result.Name = name
	return one, nil
}

// steps are repeated after a lost race: others may have changed the manifests.
func (p *promotion) steps() []step.Step {
	steps := []step.Step{
		{Name: p.branch.Step("read the remote"), Run: p.branch.Look},
		{Name: p.branch.Step("find the manifests that use " + string(p.result.Name)), Run: p.find},
	}
	if p.args.Sync {
		steps = append(steps, step.Step{Name: p.branch.Step("find the Applications that deploy it"), Run: p.findApplications})
	}
	return append(steps, step.Step{Name: p.branch.Step("commit and push"), Run: p.push})
}

// lastSteps are the steps after the push.
func (p *promotion) lastSteps() []step.Step {
	steps := []step.Step{{Name: "update the checkout", Run: func(ctx context.Context) error {
		return gitops.FastForward(ctx, p.Origin, p.branch.Note, p.branch.Heads.Branch, p.base, p.commit)
	}}}
	for _, name := range p.result.Applications {
		steps = append(steps, step.Step{Name: "deploy " + name, Run: func(ctx context.Context) error {
			return p.Applications.Of(name).Deploy(ctx, p.commit, func(ctx context.Context, revision string) (bool, error) {
				return p.Origin.Contains(ctx, revision, p.commit)
			})
		}})
	}
	return steps
}
