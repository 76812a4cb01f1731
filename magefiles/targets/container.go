package targets

import (
	"context"
	"errors"
	"time"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Container builds and publishes the images of containers/.
type Container mg.Namespace

// List lists the containers: kind, version, platforms, uses.
//
// The version is that of the packaged application: `ARG CONTAINER_APP_VERSION=`
// in a Dockerfile, `//blumeops:version` in a Go program. The platforms are those
// that container:publish builds without -platform. The uses are the places in the
// manifests that name the image.
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

// Build builds the image of a container.
//
// NAME is a folder below containers/ with a Dockerfile or with a Go main package.
// A Go program is compiled on this machine and added to an empty image. Only that
// folder is sent to the engine, without the files in its .dockerignore.
//
// Docker or a Dagger runner builds the image, if one answers. Otherwise the
// embedded engine does. It requires neither, and is built at its first use. A
// platform with a builder in the setting Builders is built there.
//
//	mage container:build nettest
//	mage container:build nettest -platform=linux/amd64,linux/arm64 -output=oci:layout
//	mage container:build devpi -target=runtime -args=PIP_INDEX_URL=https://pypi.example/simple
//	mage container:build shop -secret=shop-token=env://SHOP_TOKEN
//	mage container:build nettest -output=nettest.tar && docker load -i nettest.tar
//	mage container:build quartz -output=dir:rootfs
//	mage container:build devpi -interactive
//	mage container:build devpi -keep=dir:/tmp/failed
func (Container) Build(ctx context.Context, name string,
	platform *string, // such as linux/amd64,linux/arm64; default: this machine's
	target *string, // stage of the Dockerfile; default: the last
	args *string, // build arguments of the Dockerfile, such as A=1,B=2
	secret *string, // secrets of RUN --mount=type=secret: ID=REFERENCE,... (op://, env://, file://)
	output *string, // FILE.tar, oci:DIR (OCI layout) or dir:DIR (root file system); default: none
	emulate *bool, // if a builder fails, build its platform on another engine
	interactive *bool, // open a shell in the step that fails, on a terminal
	keep *string, // dir:DIR, a new folder for the state of the step that fails; default: none
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.BuildArgs{Name: name, Platforms: value(platform), Target: value(target), Args: value(args), Output: value(output)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		a.AllowEmulation(value(emulate))
		if err := errors.Join(a.Inspect(value(interactive)), a.Keep(value(keep)), a.MountSecrets(value(secret))); err != nil {
			return err
		}
		built, err := a.Build(ctx, value(engine), given)
		return a.Result(built, err)
	})
}

// Shell opens a shell in the built image of a container.
//
// It builds the image as container:build does. The shell is bash if the image has
// it, else sh, with the user, the working directory and the environment of the
// image. An image without a shell, such as that of a Go program, gets the static
// busybox of this machine, at /.blumeops-shell. Changes are lost.
//
// -command runs one command of the shell instead. It needs no terminal, prints on
// stdout and stderr, and its exit code is that of the target.
//
//	mage container:shell devpi
//	mage container:shell devpi -command="pip list"
//	mage container:shell devpi -target=build -platform=linux/arm64
func (Container) Shell(ctx context.Context, name string,
	platform *string, // such as linux/arm64; default: this machine's
	target *string, // stage of the Dockerfile; default: the last
	args *string, // build arguments of the Dockerfile, such as A=1,B=2
	secret *string, // secrets of RUN --mount=type=secret: ID=REFERENCE,... (op://, env://, file://)
	command *string, // a command of the shell, such as "pip list"; default: a shell on the terminal
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.ShellArgs{Name: name, Platform: value(platform), Target: value(target), Args: value(args), Command: value(command)}
	return run(ctx, "", func(ctx context.Context, a tasks.App) error {
		if err := a.MountSecrets(value(secret)); err != nil {
			return err
		}
		return a.Shell(ctx, value(engine), given)
	})
}

// Publish builds an image for all its platforms and pushes it.
//
// VERSION is one of:
//
//	vX.Y.Z, vX.Y.Z-PRE   published once, from a clean tree, and from a
//	                     commit on the default branch
//	dev, test            a channel, of the setting Channels: moves, and is
//	                     published from any tree
//	auto                 v<version of the application>-<7 digits of the
//	                     commit>, for each container its own
//
// The image is built from the files of the commit. A working tree with changes is
// built only for a channel, or with -force.
//
// If the registry already has this revision for these platforms, nothing is built
// and its digest is printed. So the same command finishes an interrupted publish.
// After a push the registry is read back and compared.
//
// NAME may be a list, `a,b`, or `changed`: the containers that container:changed
// lists. Five at a time are built. If one fails, the others continue. A container
// that is built on another of the same run waits for it. With auto, the newest
// image of a container is its base, independent of the tag in the Dockerfile.
// `changed auto` includes the containers that were published from this commit, so
// that the next run finishes a failed promotion.
//
// It prints one line for each image: REGISTRY/NAMESPACE/NAME:VERSION@DIGEST. In
// CI $GITHUB_OUTPUT gets reference, digest and image (for a list: references and
// published), and $GITHUB_STEP_SUMMARY a line for each.
//
// The registry of the site uses $BLUMEOPS_REGISTRY_PASSWORD, or else the secret
// in the setting RegistryPassword. Any other registry uses the Docker
// configuration.
//
// -force overrides three rules: the tree must be clean, the commit must be on the
// default branch, and the tag must not have another revision. In the last case
// the tag moves, for all its users. Each overridden rule is named on stderr.
//
// -promote writes the published image into the manifests, as container:promote
// does, with one pushed commit for each image. Anything that would block
// promotion fails before the build. A container that no manifest uses is only
// noted.
//
//	mage container:publish nettest v0.1.0 -dryrun
//	mage container:publish nettest v0.1.0
//	mage container:publish nettest dev -registry=127.0.0.1:5000 -platform=linux/amd64
//	mage container:publish devpi,nettest auto
//	mage container:publish changed auto -promote -sync
func (Container) Publish(ctx context.Context, name, version string,
	platform *string, // such as linux/amd64,linux/arm64; default: see container:list
	registry *string, // host or host:port; default: the setting Registry
	secret *string, // secrets of RUN --mount=type=secret: ID=REFERENCE,... (op://, env://, file://)
	dryrun *bool, // print the builds and pushes, write nothing
	force *bool, // override the rules for versions
	promote *bool, // also write it into the manifests, as container:promote does
	sync *bool, // with -promote: let Argo CD deploy it, and wait
	emulate *bool, // if a builder fails, build its platform on another engine
	interactive *bool, // open a shell in the step that fails, on a terminal
	keep *string, // dir:DIR, a new folder for the state of the step that fails; default: none
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.PublishArgs{Name: name, Version: version, Platforms: value(platform), Registry: value(registry), Force: value(force)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		a.AllowEmulation(value(emulate))
		if err := errors.Join(a.Inspect(value(interactive)), a.Keep(value(keep)), a.MountSecrets(value(secret))); err != nil {
			return err
		}
		published, err := a.Publish(ctx, value(engine), given, value(dryrun), tasks.Promoting{On: value(promote), Sync: value(sync)})
		return a.Result(published, err)
	})
}

// Changed lists containers changed since they were last published.
//
// Each container is compared with its newest published image: the version whose
// revision label is the nearest ancestor of HEAD. Channels do not count.
//
// A container has changed if one of these is true:
//
//	it was never published
//	a file that goes into its image differs from that revision
//	a container that it is built on has changed (FROM, COPY --from,
//	RUN --mount=from, or the base of a Go program)
//
// It prints one name on each line, and the reason on stderr. If nothing changed,
// it prints nothing. In CI $GITHUB_OUTPUT gets names (`a,b`, as container:publish
// accepts it) and matrix.
//
//	mage container:changed
//	mage container:changed -since=origin/main
//	mage container:changed -format=json
func (Container) Changed(ctx context.Context,
	since *string, // compare with this revision, without a registry
	registry *string, // host or host:port; default: the setting Registry
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.ShowChanged(ctx, value(since), value(registry))
	})
}

// Promote writes a published version into the manifests.
//
// VERSION is vX.Y.Z or vX.Y.Z-PRE, a channel, or newest: the highest vX.Y.Z in
// the registry. The registry must have it.
//
// The change is one commit on the default branch of the forge. It writes newTag
// and digest into the kustomization entries of the image. Where no entry applies,
// it writes the field image of the container. Nothing else in these files
// changes. If others push at the same time, it starts again from their commit.
// Then it updates the checkout. If the manifests already name the version, it
// pushes nothing and succeeds.
//
// -sync lets Argo CD deploy the commit with every Application whose folder has
// such a manifest, and waits until they are healthy. Without Argo CD a note says
// that nothing is synced.
//
// It prints REGISTRY/NAMESPACE/NAME:VERSION@DIGEST. In CI $GITHUB_OUTPUT gets
// reference, digest, status and commit, and $GITHUB_STEP_SUMMARY a line.
//
//	mage container:promote devpi newest -dryrun
//	mage container:promote devpi v1.1.0 -sync
func (Container) Promote(ctx context.Context, name, version string,
	dryrun *bool, // print the changes of files and the next steps, write nothing
	sync *bool, // let Argo CD deploy it, and wait until it is healthy
	format *string, // text (default) or json
) error {
	args := tasks.PromoteArgs{Name: name, Version: version, Sync: value(sync)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		promoted, err := a.Promote(ctx, args, value(dryrun))
		return a.Result(promoted, err)
	})
}

// Release pushes a version tag; the forge publishes the image.
//
// The tag is NAME-vX.Y.Z, on HEAD. VERSION is vX.Y.Z or vX.Y.Z-PRE; or patch,
// minor or major: the version after the newest one that has a tag at the forge or
// an image in the registry. The first version is v0.1.0.
//
// These fail before the tag exists: a tree with changes; a commit that is not on
// the default branch of the forge; a registry that does not answer, or has
// another image of that version; a tag that the forge protects against this
// account, if the token may read the rules.
//
// A tag that is already on this commit is a success. With patch, minor or major,
// a released commit gets no second tag. A tag on another commit never moves.
//
// -wait follows the run of the tag until it ends, and reads the image back from
// the registry. If the run fails, its job and last lines are shown. Ctrl-C ends
// only the wait. The same command waits again.
//
// It prints the tag, with -wait also REGISTRY/NAMESPACE/NAME:VERSION@DIGEST after
// a space. In CI $GITHUB_OUTPUT gets tag and version, with -wait also run and
// reference, and $GITHUB_STEP_SUMMARY a line. It pushes no branch.
//
//	mage container:release devpi patch -dryrun
//	mage container:release devpi patch -wait
//	mage container:release devpi v1.1.0
func (Container) Release(ctx context.Context, name, version string,
	wait *bool, // follow the run of the tag, and read its image back
	timeout *time.Duration, // with -wait: total time, such as 45m; default: 30m
	dryrun *bool, // print the tag and the push, write nothing
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		released, err := a.ReleaseContainer(ctx, name, version, tasks.Waiting{On: value(wait), Timeout: timeout}, value(dryrun))
		return a.Result(released, err)
	})
}
