package task

import (
	"context"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// unknownDigest stands for the digest of an image that does not exist yet.
var unknownDigest = "sha256:" + strings.Repeat("0", 64)

// withoutDigest is a text in which that is not shown.
func withoutDigest(text string) string {
	return strings.ReplaceAll(text, unknownDigest, "DIGEST-OF-THE-IMAGE")
}

// planTags is a registry that will hold what is looked for.
type planTags struct{}

func (planTags) Tags(context.Context, image.Reference) ([]string, error) { return nil, nil }

func (planTags) Look(context.Context, image.Reference) (image.Found, bool, error) {
	return image.Found{Digest: unknownDigest}, true, nil
}

// planApplications says what would be deployed.
type planApplications struct {
	Applications
	plan func(string)
}

func (a planApplications) Of(name string) Deployer {
	return planDeployer{a.Applications.Of(name), func(text string) { a.plan(name + ": " + text) }}
}
