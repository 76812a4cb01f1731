package targets

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Drift compares the manifests with the registries, git's history and Argo CD.
//
// It finds images that no registry holds and tags that moved, Applications that are out of
// sync, unhealthy, missing or nobody's, deployed commits that are not on the default
// branch, versions that no branch holds, and a release of the docs whose package is gone.
// It changes nothing. Images are those of the files in this checkout.
//
// The exit status is 0 without findings, 1 with, and 2 where something could not be asked.
//
//	mage drift
//	mage drift -only=images
//	mage drift -format=json
func Drift(ctx context.Context,
	only *string, // names of checks: images, applications, tags, branches, package; default: all
	format *string, // text (default), json, sarif or github
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.Drift(ctx, value(only))
	}, reports)
}
