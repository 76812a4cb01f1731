//go:build mage

package main

import (
	"context"

	"github.com/magefile/mage/mg"
)

// CI is what the workflows of the forge run.
type CI mg.Namespace

// Tag publishes the container that a pushed tag names: devpi-v1.1.0 publishes devpi as v1.1.0.
//
// REF is the tag, with or without refs/tags/ before it. What is checked out has to be the
// commit that the tag is on at the forge; if the tag was moved or taken back meanwhile,
// nothing is published. All else is as with container:publish: a run that is repeated
// finds the work done, wherever its promotion has brought the checkout.
//
// A tag vX.Y.Z releases the documentation: it is no container's, and nothing is done.
//
//	mage ci:tag devpi-v1.1.0
//	mage ci:tag "$GITHUB_REF" -promote
func (CI) Tag(ctx context.Context, ref string,
	dryrun *bool, // say what would be built and pushed, and write nothing
	promote *bool, // have the manifests name it then, as container:promote does
	sync *bool, // with -promote: have Argo CD deploy it, and wait
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		published, err := r.ciTagAndPromote(ctx, value(engine), ref, value(dryrun), promoting{value(promote), value(sync)})
		return r.result(published, err)
	})
}
