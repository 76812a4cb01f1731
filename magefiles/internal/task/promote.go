package task

import (
	"context"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Promote has the manifests on the forge's branch name a published version of a container, by its digest, in one commit. What names it already is
// left alone, so that a run that was cut off is finished by another.
type Promote struct {
	Origin       Origin
	Registry     TagRegistry
	Applications Applications // nil: there are none that could be synced, and a wish to sync them is noted
	Host         string       // of the registry
	Namespace    string       // before the name, at the registry
	Manifests    string       // folder of the manifests, a slash path

	Watch Watch
	Note  func(string) // gets what is good to know; nil: it is not said
	Warn  func(string) // gets what somebody should do something about
	Now   func() time.Time

	plan func(string) // of a dry run
}

// Applications are what deploys the manifests.
type Applications interface {
	// Deploying lists which folders of the repository's branch are deployed, and by which Application. One with several has several.
	Deploying(context.Context) ([]DeployedFolder, error)
	// Of is the Application of that name.
	Of(name string) Deployer
}

// DeployedFolder is a folder of the repository that an Application deploys.
type DeployedFolder struct {
	Application string
	Folder      string // slash path from the root
	Recurse     bool   // without a kustomization, the folders below count too
}

// PromoteArgs are what a person gives; "" is the default.
type PromoteArgs struct {
	Name    string
	Version string // vX.Y.Z[-PRE], a channel, or VersionNewest
	Digest  string // that the registry has to hold under the version; default: whatever it holds
	Sync    bool   // have it deployed, and wait
}

// VersionNewest is, in the place of a version, the highest vX.Y.Z that the registry holds. Versions with something after that, such as those of
// commits, have no order that says which is newer.
const VersionNewest = "newest"

// StatusPromoted says that the branch names the version.
const StatusPromoted Status = "promoted"

// Promoted is the result of Promote.
type Promoted struct {
	Name         image.Name  `json:"name"`
	Version      string      `json:"version"`
	Status       Status      `json:"status"` // promoted; unchanged; planned
	Reference    string      `json:"reference"`
	Digest       string      `json:"digest"`
	Commit       string      `json:"commit,omitempty"` // of the branch, that names the version
	Uses         []image.Use `json:"uses"`             // that name it
	Applications []string    `json:"applications"`     // that were synced
}

// String is the one line that scripts read: REGISTRY/NAMESPACE/NAME:VERSION@DIGEST.
func (p Promoted) String() string { return p.Reference }

// Outputs are the values that a CI job hands on, by name.
func (p Promoted) Outputs() map[string]string {
	return map[string]string{"reference": p.Reference, "digest": p.Digest, "status": string(p.Status), "commit": p.Commit}
}

// Summary is a line of Markdown for the page of a CI job.
func (p Promoted) Summary() string {
	return fmt.Sprintf("- `%s` in %s (%s)", p.Reference, orDash(places(p.Uses)), p.Status)
}

// Run promotes.
func (p Promote) Run(ctx context.Context, args PromoteArgs) (Promoted, error) {
	if args.Sync && p.Applications == nil {
		args.Sync = false // the workflows that come with this say -sync, and are right for sites without Argo CD too
		say(p.Note, "this site has no Argo CD (ArgoCDURL in site.go, or BLUMEOPS_ARGOCD_URL): nothing is synced; what deploys the site takes the commit")
	}
	one, err := p.prepare(args)
	if err != nil {
		return Promoted{}, err
	}
	if err := run(ctx, p.Watch, []Step{
		{"look up " + args.Version, one.lookUp},
		{"check the push right", p.Origin.CheckPush},
	}); err != nil {
		return Promoted{}, err
	}
	if err := one.run(ctx, p.Watch, one.steps); err != nil {
		return Promoted{}, err
	}
	return one.result, run(ctx, p.Watch, one.lastSteps())
}

// Check refuses what Run would, as far as that can be known before there is an image: what may not be pushed, manifests that do not use the
// container, or in a form that is not changed; with sync also what does not deploy them, or may not be told to.
func (p Promote) Check(ctx context.Context, name string, sync bool) error {
	one, err := p.prepare(PromoteArgs{Name: name, Version: "v0.0.0", Sync: sync})
	if err != nil {
		return err
	}
	one.checking, one.digest = true, unknownDigest
	steps := []Step{
		{"check the push right", p.Origin.CheckPush},
		{"look at the remote", one.look},
		{"check the manifests that use " + name, one.find},
	}
	if sync && p.Applications != nil {
		steps = append(steps, Step{"check what deploys " + name, one.findApplications})
	}
	return run(ctx, p.Watch, steps)
}

func (p Promote) prepare(args PromoteArgs) (*promotion, error) {
	one := &promotion{Promote: p, args: args, branching: branching{origin: p.Origin, note: func(s string) { say(p.Note, s) }}}
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

// steps are taken again after a race that was lost: others may have changed the manifests.
func (p *promotion) steps() []Step {
	steps := []Step{
		{p.step("look at the remote"), p.look},
		{p.step("find what uses " + string(p.result.Name)), p.find},
	}
	if p.args.Sync {
		steps = append(steps, Step{p.step("find what deploys it"), p.findApplications})
	}
	return append(steps, Step{p.step("commit and push"), p.push})
}

// lastSteps are for what is pushed.
func (p *promotion) lastSteps() []Step {
	steps := []Step{{"bring the checkout along", func(ctx context.Context) error {
		return adopt(ctx, p.Origin, p.note, p.heads.Branch, p.base, p.commit)
	}}}
	for _, name := range p.result.Applications {
		steps = append(steps, Step{"deploy " + name, func(ctx context.Context) error {
			return p.Applications.Of(name).Deploy(ctx, p.commit, func(ctx context.Context, revision string) (bool, error) {
				return p.Origin.Contains(ctx, revision, p.commit)
			})
		}})
	}
	return steps
}

// DryRun returns the same task over a world in which nothing is written: it says instead what would be, with the changes of files.
func (p Promote) DryRun(plan func(string)) Promote {
	p.Origin = &planOrigin{Origin: p.Origin, plan: plan}
	if p.Applications != nil {
		p.Applications = planApplications{p.Applications, plan}
	}
	p.Watch, p.plan = nil, plan
	return p
}

// DryRunUnpublished is DryRun for an image that is not published either: the registry is not asked, and what stands for the digest is named so.
func (p Promote) DryRunUnpublished(plan func(string)) Promote {
	p = p.DryRun(func(text string) { plan(withoutDigest(text)) })
	p.Registry = planTags{}
	return p
}
