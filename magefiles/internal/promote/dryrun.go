package promote

import (
	"context"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// withoutDigest is a text with a name instead of that placeholder.
func withoutDigest(text string) string {
	return strings.ReplaceAll(text, unknownDigest, "DIGEST-OF-THE-IMAGE")
}

// planTags is a registry that has every image.
type planTags struct{}

func (planTags) Tags(context.Context, image.Reference) ([]string, error) { return nil, nil }

func (planTags) Look(context.Context, image.Reference) (image.Found, bool, error) {
	return image.Found{Digest: unknownDigest}, true, nil
}

// planApplications prints what would be deployed.
type planApplications struct {
	Applications
	plan func(string)
}

func (a planApplications) Of(name string) gitops.Deployer {
	return gitops.PlanDeployer(a.Applications.Of(name), func(text string) { a.plan(name + ": " + text) })
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
