package targets

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Drift compares manifests with registries, forge and Argo CD.
//
// The names of its checks, and the drift that they find:
//
//	images         an image that is not in its registry, a tag that moved
//	applications   an Application that is out of sync, unhealthy, missing or
//	               in no manifest; a deployed commit that is not on the
//	               default branch
//	tags           a version whose commit is on no branch
//	branches       a branch in a workflow or an Application that the forge
//	               does not have
//	package        a release of the docs whose package is missing or changed
//
// It compares the files of this checkout, and changes nothing. The exit status is
// 0 without findings, 1 with findings, 2 if a host did not answer.
//
//	mage drift
//	mage drift -only=images
//	mage drift -format=json
func Drift(ctx context.Context,
	only *string, // names of checks, such as images,tags; default: all
	format *string, // text (default), json, sarif or github
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.Drift(ctx, value(only))
	}, reports)
}
