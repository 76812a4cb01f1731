package publish

import (
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// TagLooker asks the forge for its tags.
type TagLooker interface {
	// Heads reads the present tags. It fetches nothing.
	Heads(context.Context) (vcs.Heads, error)
}

// Tag publishes the container of a pushed tag. HEAD must be the commit of the tag on the forge: a tag that was moved or deleted meanwhile
// publishes nothing. If the registry already holds the image of the tag's commit, there is nothing to build, even at another HEAD: the promotion of an
// earlier run may have moved it.
type Tag struct {
	Publish Publish
	Remote  TagLooker
	Watch   step.Watch
	Note    func(string) // if set, is called with notes for the user
}

// DryRun returns the same use case with a publication that writes nothing.
func (c Tag) DryRun(plan func(string)) Tag {
	c.Publish = c.Publish.DryRun(plan)
	c.Watch = nil
	return c
}

// Run publishes the container of ref: devpi-v1.1.0 or refs/tags/devpi-v1.1.0. The tag of a release of the documentation, vX.Y.Z, has
// no container, and another program may build the container: then the result is empty. So one workflow may run on every tag. Anything else is an *image.InvalidError.
func (c Tag) Run(ctx context.Context, ref string) (Result, error) {
	tag, err := image.ParseTag(ref)
	if name := image.TagName(ref); err != nil && versions.IsRelease(name) {
		step.Say(c.Note, name+" is not a container tag: nothing is published")
		return Result{}, nil
	}
	if err != nil {
		return Result{}, err
	}
	args := tasks.PublishArgs{Name: string(tag.Name), Version: tag.Version.String()}
	pub, err := c.Publish.prepare(args)
	var other *image.OtherKindError
	if errors.As(err, &other) {
		step.Say(c.Note, fmt.Sprintf("%s is built with %s: nothing is published", tag.Name, other.Program))
		return Result{}, nil
	}
	if err != nil {
		return Result{}, err
	}
	look := step.Step{Name: "check the tag " + tag.String(), Run: func(ctx context.Context) error { return c.look(ctx, tag, pub) }}
	if err := step.Run(ctx, c.Watch, []step.Step{look}); err != nil {
		return Result{}, err
	}
	if pub.status == step.StatusUnchanged {
		return pub.result(), nil
	}
	published, err := c.Publish.Run(ctx, args)
	return published, WithoutForce(err)
}

// look refuses a tag that is not on HEAD. The forge's tag counts: a tag of this clone may be old, or made here.
func (c Tag) look(ctx context.Context, tag image.Tag, pub *publication) error {
	head, err := c.Publish.Repo.Head()
	if err != nil {
		return err
	}
	heads, err := c.Remote.Heads(ctx)
	if err != nil {
		return fmt.Errorf("read the tags of the forge: %w", err)
	}
	commit := heads.Tags[tag.String()]
	if commit == head.Hash {
		return nil
	}
	moved := &movedTagError{Tag: tag, Commit: commit, Head: head.Hash}
	if commit == "" {
		return moved
	}
	found, ok, err := pub.Registry.Look(ctx, pub.ref)
	switch {
	case err != nil:
		return err
	case ok && found.Labels[image.LabelRevision] == commit && image.SamePlatforms(found.Platforms, pub.platforms):
		return pub.unchanged(found)
	}
	return moved
}
