//go:build mage

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

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
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		released, err := r.containerRelease(ctx, name, version, waiting{value(wait), timeout}, value(dryrun))
		return r.result(released, err)
	})
}

func (r *runner) containerRelease(ctx context.Context, name, version string, wait waiting, dryRun bool) (task.ContainerReleased, error) {
	r.progress.title = "release a container"
	release, err := r.containerReleaser(wait)
	if err != nil {
		return task.ContainerReleased{}, err
	}
	if dryRun {
		return release.DryRun(r.console.Note).Run(ctx, name, version)
	}
	released, err := release.Run(ctx, name, version)
	if released.Tag == "" {
		return released, err
	}
	return released, errors.Join(err, r.handOn(released))
}

// containerReleaser is the use case with its real adapters.
func (r *runner) containerReleaser(wait waiting) (release task.ContainerRelease, err error) {
	patience, err := wait.patience()
	if err != nil {
		return release, err
	}
	publish, err := r.publisher("")
	if err != nil {
		return release, err
	}
	held := images{r.readingClient()} // who tags need not be who pushes images
	publish.Registry, publish.Login = held, nil
	client, err := forge.New(forge.Options{URL: r.ForgeURL, Token: r.forgeToken, HTTP: r.http(), Log: r.console.Note})
	if err != nil {
		return release, console.BadInput(err)
	}
	repository := forge.Repository{Owner: r.Owner, Name: r.Repository}
	origin, err := r.origin(client, repository)
	if err != nil {
		return release, err
	}
	release = task.ContainerRelease{
		Publish: publish, Images: held, Remote: taggable{origin, wait.on}, Tagger: origin, Message: origin.git.Message,
		Watch: r.progress.step, Note: r.console.Note, Warn: r.console.Warn,
	}
	if wait.on {
		release.Follow = &task.Follow{Runs: tagRuns{client, repository}, Page: r.source() + "/actions", Timeout: patience, Tell: r.deploying}
	}
	return release, nil
}

// taggable is a task.TagRemote.
type taggable struct {
	*origin
	follow bool // what the forge makes of the tag
}

// CheckTag asks git's server and the forge for the right to write, for the key, and for rules about tags.
func (o taggable) CheckTag(ctx context.Context, name string) error {
	if err := o.remote.TagRight(ctx); err != nil {
		return err
	}
	if _, err := o.signer(ctx); err != nil {
		return fmt.Errorf("key that tags are signed with: %w", err)
	}
	return failed(o.forge.Preflight(ctx, forge.Need{Repository: o.repository, Tags: []string{name}, Runs: o.follow}))
}

// PushTag pushes a tag alone.
func (o taggable) PushTag(ctx context.Context, name, object string) error {
	err := o.remote.PushTag(ctx, name, object)
	if errors.Is(err, repo.ErrRace) {
		return &task.RaceError{Err: err}
	}
	return err
}
