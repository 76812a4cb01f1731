// Package promote writes a published version of a container to the manifests: container:promote.
package promote

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Promote writes a published version of a container, with its digest, to the manifests on the forge's branch, in one commit. Manifests that name
// it already are left alone, so another run finishes one that was interrupted.
type Promote struct {
	Origin       gitops.Origin
	Registry     image.Registry
	Applications Applications // nil: there are none to sync, and a request to sync them gives a note
	Host         string       // of the registry
	Namespace    string       // before the name, in the registry
	Manifests    string       // folder of the manifests, a slash path

	Watch step.Watch
	Note  func(string) // called with notes for the user; nil: no notes
	Warn  func(string) // called with warnings for the user
	Now   func() time.Time

	plan func(string) // called with the changes in a dry run
}

// Applications are the Argo CD Applications that deploy the manifests.
type Applications interface {
	// Deploying lists the folders of the repository's branch that are deployed, and by which Application. An Application may have
	// several.
	Deploying(context.Context) ([]DeployedFolder, error)
	// Of is the Application of that name.
	Of(name string) gitops.Deployer
}

// DeployedFolder is a folder of the repository that an Application deploys.
type DeployedFolder struct {
	Application string
	Folder      string // slash path from the root
	Recurse     bool   // without a kustomization, the folders below count too
}

// VersionNewest is, in place of a version, the highest vX.Y.Z in the registry. Versions with a suffix, such as those of commits, have no order.
const VersionNewest = "newest"

// StatusPromoted says that the branch names the version.
const StatusPromoted step.Status = "promoted"

// Result is the result of Promote.
type Result struct {
	Name         image.Name  `json:"name"`
	Version      string      `json:"version"`
	Status       step.Status `json:"status"` // promoted; unchanged; planned
	Reference    string      `json:"reference"`
	Digest       string      `json:"digest"`
	Commit       string      `json:"commit,omitempty"` // of the branch, with the version
	Uses         []image.Use `json:"uses"`             // places with the version
	Applications []string    `json:"applications"`     // that were synced
}

// String is the one line that scripts read: REGISTRY/NAMESPACE/NAME:VERSION@DIGEST.
func (p Result) String() string { return p.Reference }

// Outputs are the outputs of a CI job, by name.
func (p Result) Outputs() map[string]string {
	return map[string]string{"reference": p.Reference, "digest": p.Digest, "status": string(p.Status), "commit": p.Commit}
}

// Summary is a line of Markdown for the page of a CI job.
func (p Result) Summary() string {
	return fmt.Sprintf("- `%s` in %s (%s)", p.Reference, cmp.Or(image.JoinUses(p.Uses), "-"), p.Status)
}

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
	parsed, err := image.ParseVersion(version)
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
		return gitops.Adopt(ctx, p.Origin, p.branch.Note, p.branch.Heads.Branch, p.base, p.commit)
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

// DryRun returns the same use case without writes: it prints what would be written, with the changes of files.
func (p Promote) DryRun(plan func(string)) Promote {
	p.Origin = gitops.PlanOrigin(p.Origin, plan)
	if p.Applications != nil {
		p.Applications = planApplications{p.Applications, plan}
	}
	p.Watch, p.plan = nil, plan
	return p
}

// DryRunUnpublished is DryRun for an image that is not published either: the registry is not asked, and a placeholder replaces the digest.
func (p Promote) DryRunUnpublished(plan func(string)) Promote {
	p = p.DryRun(func(text string) { plan(withoutDigest(text)) })
	p.Registry = planTags{}
	return p
}
