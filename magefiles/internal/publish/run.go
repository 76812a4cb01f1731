package publish

import (
	"cmp"
	"context"
	"errors"
	"io/fs"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Run publishes.
func (p Publish) Run(ctx context.Context, args tasks.PublishArgs) (_ Result, err error) {
	pub, err := p.prepare(args)
	if err != nil {
		return Result{}, err
	}
	defer func() {
		if closeErr := pub.close(); err == nil {
			err = closeErr
		}
	}()
	if err := step.Run(ctx, p.Watch, pub.steps()); err != nil {
		return Result{}, err
	}
	return pub.result(), nil
}

// prepare checks all arguments before the first step.
func (p Publish) prepare(args tasks.PublishArgs) (*publication, error) {
	pub := &publication{Publish: p, force: args.Force, status: cmp.Or(p.goal, StatusPublished)}
	name, err := image.ParseName(args.Name)
	if err != nil {
		return nil, err
	}
	if pub.version, err = p.Channels.Parse(args.Version); err != nil {
		return nil, err
	}
	host := p.Host
	if args.Registry != "" {
		host = args.Registry
	}
	if pub.ref, err = image.NewReference(host, p.Namespace, name, pub.version); err != nil {
		return nil, err
	}
	if args.Platforms != "" {
		if pub.asked, err = image.ParsePlatforms(args.Platforms); err != nil {
			return nil, err
		}
	}
	if err := pub.find(name); err != nil {
		return nil, err
	}
	return pub, nil
}

// find looks up the container in the published tree: the commit, or the working tree for a channel.
func (p *publication) find(name image.Name) (err error) {
	var found image.Container
	if p.files, found, err = p.lookup(name, p.force || p.version.IsChannel()); err == nil {
		p.take(found)
	}
	return err
}

// take sets the container to publish.
func (p *publication) take(c image.Container) {
	p.container = c
	if p.platforms = p.asked; p.platforms == nil {
		p.platforms = p.Platforms.Of(c)
	}
}

// steps are in the order of execution: checks first, a look before the build, and another after it.
func (p *publication) steps() []step.Step {
	return []step.Step{
		{Name: "check the commit", Run: p.checkCommit},
		{Name: "read the credentials for " + p.ref.Registry, Run: p.login},
		{Name: "check the registry", Run: p.look},
		{Name: "check the content", Run: p.checkContent},
		{Name: "build " + string(p.container.Name) + " for " + image.JoinPlatforms(p.platforms), Run: p.build},
		{Name: "export the image", Run: p.export},
		{Name: "assemble the image", Run: p.assemble},
		{Name: "push the image", Run: p.push},
		{Name: "read it back", Run: p.verify},
	}
}

// lookup finds a container in the working tree, or in the commit of HEAD. It returns that tree's files.
func (p Publish) lookup(name image.Name, workTree bool) (fs.FS, image.Container, error) {
	files, err := p.source(workTree)
	if err != nil {
		return nil, image.Container{}, err
	}
	found, err := image.Lookup(files, name)
	var unknown *image.UnknownError
	if errors.As(err, &unknown) && !workTree {
		err = p.uncommitted(name, unknown)
	}
	return files, found, err
}

// uncommitted says why a container that is not in the commit cannot be published: its error in the working tree, if it is there.
func (p Publish) uncommitted(name image.Name, unknown *image.UnknownError) error {
	here, err := image.Lookup(p.Files, name)
	switch {
	case err == nil:
		return &UncommittedError{Dir: here.Dir, Channels: p.Channels}
	case errors.As(err, &unknown):
		return unknown
	}
	return err
}

// source are the files of the working tree, or those of the commit of HEAD.
func (p Publish) source(workTree bool) (fs.FS, error) {
	if workTree {
		return p.Files, nil
	}
	head, err := p.Repo.Head()
	if err != nil {
		return nil, err
	}
	return p.Trees.Recorded(head.Hash)
}
