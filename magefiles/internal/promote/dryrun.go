package promote

import (
	"context"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// unknownDigest is the placeholder for the digest of an image that does not exist yet.
var unknownDigest = "sha256:" + strings.Repeat("0", 64)

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
