//go:build mage

package main

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// List shows the containers: kind, version, platforms, and where argocd/ uses them.
//
// The version is that of the packaged application, which a Dockerfile states with
// «ARG CONTAINER_APP_VERSION=» and a Go program with «//blumeops:version». The
// platforms are those that are published unless -platform says otherwise.
//
//	mage container:list
//	mage container:list -format=json
func (Container) List(ctx context.Context,
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		listing, err := r.list().Run()
		return r.result(listing, err)
	})
}

// Build makes the image of a container, for this machine's platform unless told otherwise.
//
// The container is a folder under containers/: with a Dockerfile, or with a Go main
// package, which is compiled here and put on an empty image. Only that folder is sent
// to the engine, without what its .dockerignore names. Docker or a Dagger runner builds
// where one answers; otherwise the embedded engine does, which needs neither and is
// itself built on first use.
//
//	mage container:build nettest
//	mage container:build devpi -args=PIP_INDEX_URL=https://pypi.example/simple -target=runtime
//	mage container:build nettest -output=nettest.tar && docker load -i nettest.tar
//	mage container:build nettest -platform=linux/amd64,linux/arm64 -output=oci:layout
//	mage container:build quartz -output=dir:rootfs
func (Container) Build(ctx context.Context, name string,
	platform *string, // as in linux/amd64,linux/arm64; default: this machine's
	target *string, // stage of the Dockerfile; default: the last
	args *string, // build arguments of the Dockerfile, as in A=1,B=2
	output *string, // FILE.tar or oci:DIR (OCI layout), dir:DIR (root file system); default: stays in the engine
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := task.BuildArgs{Name: name, Platforms: value(platform), Target: value(target), Args: value(args), Output: value(output)}
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		built, err := r.build(ctx, value(engine), given)
		return r.result(built, err)
	})
}

// Publish builds the image of a container for all its platforms and pushes it as one.
//
// VERSION is vX.Y.Z or vX.Y.Z-PRE, which is published once and from a clean tree whose
// commit is on the default branch; or a channel (dev, test), which moves and is
// published from anything. If the registry holds this revision for these platforms
// already, nothing is built and its digest is printed: so a publish that broke off is
// finished by running it again. After the push the registry is read back and compared.
//
// Prints one line, REGISTRY/NAMESPACE/NAME:VERSION@DIGEST. In CI the same goes to
// $GITHUB_OUTPUT (reference, digest, image) and $GITHUB_STEP_SUMMARY.
//
// Credentials: $BLUMEOPS_REGISTRY_PASSWORD, else the secret that site.go names, for the
// site's own registry; the Docker configuration and its helpers for any other.
//
// -force publishes a version even though the tree has changes, the commit is not on the
// default branch, or the tag holds another revision. That tag is then moved, under
// whoever uses it. Each rule that is overridden is named on stderr.
//
//	mage container:publish nettest v0.1.0 -dryrun
//	mage container:publish nettest v0.1.0
//	mage container:publish nettest dev -registry=127.0.0.1:5000 -platform=linux/amd64
func (Container) Publish(ctx context.Context, name, version string,
	platform *string, // as in linux/amd64,linux/arm64; default: those that container:list shows
	registry *string, // host, with a port if need be; default: the site's
	dryrun *bool, // say what would be built and pushed, and write nothing
	force *bool, // override the rules for versions
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := task.PublishArgs{Name: name, Version: version, Platforms: value(platform), Registry: value(registry), Force: value(force)}
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		published, err := r.publish(ctx, value(engine), given, value(dryrun))
		return r.result(published, err)
	})
}
