package task

import (
	"context"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Promote writes a published version of a container, with its digest, to the manifests on the forge's branch, in one commit. Manifests that name
// it already are left alone, so another run finishes one that was interrupted.
type Promote struct {
	Origin       Origin
	Registry     TagRegistry
	Applications Applications // nil: there are none to sync, and a request to sync them gives a note
	Host         string       // of the registry
	Namespace    string       // before the name, in the registry
	Manifests    string       // folder of the manifests, a slash path

	Watch Watch
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
	Of(name string) Deployer
}

// DeployedFolder is a folder of the repository that an Application deploys.
type DeployedFolder struct {
	Application string
	Folder      string // slash path from the root
	Recurse     bool   // without a kustomization, the folders below count too
}

// PromoteArgs are a person's arguments; "" is the default.
type PromoteArgs struct {
	Name    string
	Version string // vX.Y.Z[-PRE], a channel, or VersionNewest
	Digest  string // that the registry must hold under the version; default: any
	Sync    bool   // sync the Applications, and wait
}

// VersionNewest is, in place of a version, the highest vX.Y.Z in the registry. Versions with a suffix, such as those of commits, have no order.
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
	Commit       string      `json:"commit,omitempty"` // of the branch, with the version
	Uses         []image.Use `json:"uses"`             // places with the version
	Applications []string    `json:"applications"`     // that were synced
}

// String is the one line that scripts read: REGISTRY/NAMESPACE/NAME:VERSION@DIGEST.
func (p Promoted) String() string { return p.Reference }

// Outputs are the outputs of a CI job, by name.
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
		args.Sync = false // the supplied workflows pass -sync, and must also work for sites without Argo CD
		say(p.Note, "this site has no Argo CD (setting ArgoCDURL, BLUMEOPS_ARGOCD_URL): nothing is synced")
	}
	one, err := p.prepare(args)
	if err != nil {
		return Promoted{}, err
	}
	if err := run(ctx, p.Watch, []Step{
		{"look up " + args.Version, one.lookUp},
		{"check the permission to push", p.Origin.CheckPush},
	}); err != nil {
		return Promoted{}, err
	}
	if err := one.run(ctx, p.Watch, one.steps); err != nil {
		return Promoted{}, err
	}
	return one.result, run(ctx, p.Watch, one.lastSteps())
}

// Check makes those checks of Run that are possible before there is an image: missing rights to push, manifests that do not use the
// container, or in a form that is not changed; with sync also missing Applications, or missing rights to sync them.
func (p Promote) Check(ctx context.Context, name string, sync bool) error {
	one, err := p.prepare(PromoteArgs{Name: name, Version: "v0.0.0", Sync: sync})
	if err != nil {
		return err
	}
	one.checking, one.digest = true, unknownDigest
	steps := []Step{
		{"check the permission to push", p.Origin.CheckPush},
		{"read the remote", one.look},
		{"check the manifests that use " + name, one.find},
	}
	if sync && p.Applications != nil {
		steps = append(steps, Step{"check the Applications that deploy " + name, one.findApplications})
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

// steps are repeated after a lost race: others may have changed the manifests.
func (p *promotion) steps() []Step {
	steps := []Step{
		{p.step("read the remote"), p.look},
		{p.step("find the manifests that use " + string(p.result.Name)), p.find},
	}
	if p.args.Sync {
		steps = append(steps, Step{p.step("find the Applications that deploy it"), p.findApplications})
	}
	return append(steps, Step{p.step("commit and push"), p.push})
}

// lastSteps are the steps after the push.
func (p *promotion) lastSteps() []Step {
	steps := []Step{{"update the checkout", func(ctx context.Context) error {
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

// DryRun returns the same task without writes: it prints what would be written, with the changes of files.
func (p Promote) DryRun(plan func(string)) Promote {
	p.Origin = &planOrigin{Origin: p.Origin, plan: plan}
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
