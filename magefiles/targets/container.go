package targets

import (
	"context"
	"time"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Container builds and publishes the images of containers/.
type Container mg.Namespace

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
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		listing, err := a.List()
		return a.Result(listing, err)
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
//	mage container:build shop -secret=shop-token=env://SHOP_TOKEN
func (Container) Build(ctx context.Context, name string,
	platform *string, // as in linux/amd64,linux/arm64; default: this machine's
	target *string, // stage of the Dockerfile; default: the last
	args *string, // build arguments of the Dockerfile, as in A=1,B=2
	secret *string, // secrets for RUN --mount=type=secret, as in ID=REFERENCE,ID2=REFERENCE2: op://, env:// or file://
	output *string, // FILE.tar or oci:DIR (OCI layout), dir:DIR (root file system); default: stays in the engine
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.BuildArgs{Name: name, Platforms: value(platform), Target: value(target), Args: value(args), Output: value(output)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		if err := a.MountSecrets(value(secret)); err != nil {
			return err
		}
		built, err := a.Build(ctx, value(engine), given)
		return a.Result(built, err)
	})
}

// Publish builds the image of a container for all its platforms and pushes it as one.
//
// VERSION is vX.Y.Z or vX.Y.Z-PRE, which is published once and from a clean tree whose
// commit is on the default branch; or a channel (dev, test), which moves and is
// published from anything. What is built is the commit, as git stores it; the working tree
// only for a channel, or with -force, and if it has anything that the commit has not. If the registry holds this revision for these platforms
// already, nothing is built and its digest is printed: so a publish that broke off is
// finished by running it again. After the push the registry is read back and compared.
//
// NAME may be a list, a,b, or «changed», which is what container:changed names: five at a
// time are built and pushed, and one that fails stops none of the others. One that is built
// on another by the tag that is published waits for it. VERSION auto is
// v<version of the packaged application>-<7 digits of the commit>, for each its own; a base
// of this site is then the newest one, whatever tag the Dockerfile names. Both together
// also take along what is published from this very commit: a run whose promotion failed
// is finished by another.
//
// Prints one line for each, REGISTRY/NAMESPACE/NAME:VERSION@DIGEST. In CI the same goes to
// $GITHUB_OUTPUT (reference, digest, image; of a list references, published) and
// $GITHUB_STEP_SUMMARY.
//
// Credentials: $BLUMEOPS_REGISTRY_PASSWORD, else the secret that site.go names, for the
// site's own registry; the Docker configuration and its helpers for any other.
//
// -promote has the manifests name what was published, in a commit for each that is pushed:
// container:promote says how. What keeps from it is refused before anything is built; a
// container that no manifest deploys is told, and is no error.
//
// -force publishes a version even though the tree has changes, the commit is not on the
// default branch, or the tag holds another revision. That tag is then moved, under
// whoever uses it. Each rule that is overridden is named on stderr.
//
//	mage container:publish nettest v0.1.0 -dryrun
//	mage container:publish nettest v0.1.0
//	mage container:publish devpi,nettest auto
//	mage container:publish changed auto -promote
//	mage container:publish nettest dev -registry=127.0.0.1:5000 -platform=linux/amd64
func (Container) Publish(ctx context.Context, name, version string,
	platform *string, // as in linux/amd64,linux/arm64; default: those that container:list shows
	registry *string, // host, with a port if need be; default: the site's
	secret *string, // secrets for RUN --mount=type=secret, as in ID=REFERENCE,ID2=REFERENCE2: op://, env:// or file://
	dryrun *bool, // say what would be built and pushed, and write nothing
	force *bool, // override the rules for versions
	promote *bool, // have the manifests name it then, as container:promote does
	sync *bool, // with -promote: have Argo CD deploy it, and wait
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.PublishArgs{Name: name, Version: version, Platforms: value(platform), Registry: value(registry), Force: value(force)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		if err := a.MountSecrets(value(secret)); err != nil {
			return err
		}
		published, err := a.Publish(ctx, value(engine), given, value(dryrun), tasks.Promoting{On: value(promote), Sync: value(sync)})
		return a.Result(published, err)
	})
}

// Changed names the containers whose images could be others than those that are published.
//
// Each is compared with its newest published image: of the versions at the registry the
// one whose revision label is the nearest ancestor of HEAD. Channels do not count, nor do
// images of commits that HEAD does not come from. A container has changed if it was never
// published, if since that commit something differs that it or a container it is built on
// is made of, or if a container that it is built on has changed: FROM, COPY --from and RUN
// --mount=from of images of this site make the way, and so does the base of a Go program.
//
// Prints one name a line, and nothing where nothing has changed; why goes to stderr. In CI
// $GITHUB_OUTPUT gets names («a,b», as container:publish takes them) and matrix.
//
//	mage container:changed
//	mage container:changed -format=json
//	mage container:changed -since=origin/main
func (Container) Changed(ctx context.Context,
	since *string, // compare with this revision instead, and ask no registry
	registry *string, // host, with a port if need be; default: the site's
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.ShowChanged(ctx, value(since), value(registry))
	})
}

// Promote has the manifests name a published version of a container by its digest, and pushes that.
//
// VERSION is vX.Y.Z or vX.Y.Z-PRE, a channel (dev, test), or newest, the highest vX.Y.Z
// that the registry holds. A version that it does not hold is refused.
//
// On the forge's default branch newTag and digest are written to the entries of
// kustomizations that lead to the image, and to the field image of containers where no
// such entry counts instead. Nothing else of those files changes. The push begins anew on
// what others push meanwhile, and the checkout is brought along. What names that version
// already is a success, and nothing is pushed.
//
// -sync has Argo CD deploy the commit with all Applications whose folder has such a
// manifest, and waits until they are healthy. A site without Argo CD is told that nothing
// is synced.
//
// Prints one line, REGISTRY/NAMESPACE/NAME:VERSION@DIGEST. In CI the same goes to
// $GITHUB_OUTPUT (reference, digest, status, commit) and $GITHUB_STEP_SUMMARY.
//
//	mage container:promote devpi newest -dryrun
//	mage container:promote devpi v1.1.0 -sync
func (Container) Promote(ctx context.Context, name, version string,
	dryrun *bool, // show the changes of files and what would follow, and write nothing
	sync *bool, // have Argo CD deploy it, and wait
	format *string, // text (default) or json
) error {
	args := tasks.PromoteArgs{Name: name, Version: version, Sync: value(sync)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		promoted, err := a.Promote(ctx, args, value(dryrun))
		return a.Result(promoted, err)
	})
}

// Release makes the tag NAME-vX.Y.Z of HEAD and pushes it, at which the forge publishes the container.
//
// VERSION is vX.Y.Z or vX.Y.Z-PRE; or patch, minor or major, for the version after the
// newest one that has a tag at the forge or an image at the registry. The first is v0.1.0. What container:publish
// would refuse is refused before there is a tag: a tree with changes, a commit that is not
// on the default branch of the forge, a registry that does not answer or holds another
// image of that version. So is a tag that the forge protects against this account, as far
// as its token may read the rules.
//
// A tag that is on this commit already is a success; patch, minor and major too find a
// commit that was released already, and make no second tag. A tag on another commit is
// never moved.
//
// -wait follows the run that the forge makes of the tag, until it is over, and reads the
// image back from the registry. If the run failed, its job and last lines are shown. Ctrl-C
// ends the waiting, not the run; the same command again goes on waiting.
//
// Prints the tag, with -wait also REGISTRY/NAMESPACE/NAME:VERSION@DIGEST, behind a space.
// In CI the same goes to $GITHUB_OUTPUT (tag, version; with -wait run, reference) and
// $GITHUB_STEP_SUMMARY. Only the tag is pushed, and no branch.
//
//	mage container:release devpi patch -dryrun
//	mage container:release devpi patch -wait
//	mage container:release devpi v1.1.0
func (Container) Release(ctx context.Context, name, version string,
	wait *bool, // follow the forge's run of the tag, until its image can be read
	timeout *time.Duration, // of -wait, as in 45m (default 30m)
	dryrun *bool, // say what would be tagged and pushed, and write nothing
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		released, err := a.ReleaseContainer(ctx, name, version, tasks.Waiting{On: value(wait), Timeout: timeout}, value(dryrun))
		return a.Result(released, err)
	})
}
