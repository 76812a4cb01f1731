package publish

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

const (
	// NamesChanged, in place of names, is every container whose image could differ from the published one.
	NamesChanged = "changed"
	// VersionAuto, in place of a version, is v<version of the packaged application>-<7 digits of the commit>.
	VersionAuto = "auto"
)

// Limit is the number of containers that are published in parallel: while some are built and wait for their downloads, others are
// exported and pushed. The temporary folder holds as many images.
const Limit = 5

// Many publishes several containers, some in parallel. A failure does not stop the others, and each is reported.
type Many struct {
	// Each is the publication of one container. The names of its steps begin with the container's name.
	Each func(image.Name) Publish
	// Changed lists the containers of NamesChanged. An error that is returned with names is reported at the end.
	Changed func(context.Context) ([]image.Name, error)
	// Bases, if set, returns the images that a Dockerfile takes from registries: if one of them is published too, the
	// container waits for it.
	Bases func(dockerfile string) ([]string, error)
	// Newest, if set, is the version of a container's newest published image among those of the commit's ancestors; "" if there is none.
	Newest func(context.Context, image.Name) (version string, err error)
	Limit  int          // how many in parallel; 0 is 5
	Note   func(string) // if set, is called with notes for the user
}

// IsMany reports whether Many must parse the names, so that the result is a list of any length.
func IsMany(names string) bool { return names == NamesChanged || strings.Contains(names, ",") }

// DryRun returns the same use case with publications that write nothing, one after the other, so that the plan is readable.
func (m Many) DryRun(plan func(string)) Many {
	each := m.Each
	m.Each = func(name image.Name) Publish { return each(name).DryRun(plan) }
	m.Limit = 1
	return m
}

// Run publishes. args.Name is a list "a,b", or NamesChanged; args.Version is one version for all, or VersionAuto, the version of each. For a list,
// all arguments are checked before anything starts; for NamesChanged, which nobody typed, the valid ones are published. The published containers
// are returned with the error.
func (m Many) Run(ctx context.Context, args tasks.PublishArgs) (Results, error) {
	names, namesErr := m.names(ctx, args.Name)
	if len(names) == 0 {
		if namesErr == nil {
			step.Say(m.Note, "no container has changed since it was published: nothing is built")
		}
		return Results{}, namesErr
	}
	all := m.prepare(ctx, names, args)
	if _, err := sortOut(all); err != nil && args.Name != NamesChanged {
		return nil, err
	}
	var group errgroup.Group
	group.SetLimit(cmp.Or(m.Limit, Limit))
	for _, one := range m.order(all) {
		group.Go(func() error {
			defer close(one.done)
			if one.err == nil {
				one.err = one.await()
			}
			if one.err == nil {
				one.err = m.settleBases(ctx, one)
			}
			if one.err == nil {
				one.result, one.err = one.publish.Run(ctx, one.args)
				m.tellBases(one)
			}
			return nil // the others continue
		})
	}
	_ = group.Wait() // each has its own error
	published, err := sortOut(all)
	if namesErr != nil {
		err = errors.Join(namesErr, err)
	}
	return published, err
}

// sortOut separates successes from failures.
func sortOut(all []*onePublish) (Results, error) {
	published, failed := Results{}, &ManyError{}
	for _, one := range all {
		if one.err != nil {
			failed.Failed = append(failed.Failed, Failure{image.Name(one.args.Name), one.err})
			continue
		}
		published = append(published, one.result)
	}
	if len(failed.Failed) == 0 {
		return published, nil
	}
	return published, failed
}

func (m Many) names(ctx context.Context, list string) ([]image.Name, error) {
	if list == NamesChanged {
		return m.Changed(ctx)
	}
	return Names(list)
}

// Names parses a list "a,b" from the command line. A repeated name counts once.
func Names(list string) ([]image.Name, error) {
	var names []image.Name
	for text := range strings.SplitSeq(list, ",") {
		name, err := image.ParseName(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// onePublish is one of several publications.
type onePublish struct {
	publish   Publish
	args      tasks.PublishArgs
	container image.Container
	files     fs.FS         // from which it was prepared
	reference string        // to publish to
	auto      bool          // its version is made from the commit
	named     []string      // references of its base images, as written
	bases     []*onePublish // of the same list, whose images it is built on
	done      chan struct{} // closed at the end of the publication, successful or not
	result    Result
	err       error
}

// prepare makes the publications, of one commit.
func (m Many) prepare(ctx context.Context, names []image.Name, args tasks.PublishArgs) []*onePublish {
	var checkout *stillRepo
	all := make([]*onePublish, len(names))
	for i, name := range names {
		p := m.Each(name)
		if checkout == nil {
			checkout = newStillRepo(p.Repo)
		}
		p.Repo, p.Watch = checkout, p.Watch.Prefixed(string(name)+": ")
		all[i] = &onePublish{publish: p, args: args, done: make(chan struct{})}
		all[i].args.Name = string(name)
		all[i].err = all[i].complete(ctx)
	}
	return all
}

// complete sets the version, and checks the arguments.
func (o *onePublish) complete(ctx context.Context) (err error) {
	if o.auto = o.args.Version == VersionAuto; o.auto {
		if o.args.Version, err = o.commitVersion(ctx); err != nil {
			return err
		}
	}
	prepared, err := o.publish.prepare(o.args)
	if err != nil {
		return err
	}
	o.container, o.files, o.reference = prepared.container, prepared.files, prepared.ref.String()
	return nil
}

// commitVersion is the version of the commit, or of an earlier one with a published image that is also the commit's.
func (o *onePublish) commitVersion(ctx context.Context) (string, error) {
	_, container, err := o.publish.lookup(image.Name(o.args.Name), o.args.Force)
	if err != nil {
		return "", err
	}
	head, err := o.publish.Repo.Head()
	if err != nil {
		return "", err
	}
	version, err := image.CommitVersion(container.Version, head.Hash)
	if err != nil {
		return "", &image.ContainerError{Dir: container.Dir, Err: err}
	}
	before, err := o.publish.before(ctx, head.Hash)
	if err != nil || len(before) == 0 {
		return version.String(), err
	}
	of := Earlier{Registry: o.publish.Registry, Host: cmp.Or(o.args.Registry, o.publish.Host), Namespace: o.publish.Namespace}
	for _, commit := range append([]string{head.Hash}, before...) {
		published, ok, err := of.has(ctx, container, commit)
		if err != nil || ok {
			return published.String(), err
		}
	}
	return version.String(), nil
}
