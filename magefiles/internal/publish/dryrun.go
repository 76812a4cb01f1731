package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
)

// DryRun returns the same use case with a builder and a registry that write nothing and print what
// would be done. All checks still run, against the real registry.
func (p Publish) DryRun(plan func(string)) Publish {
	p.Builder = planBuilder{plan}
	p.Registry = planRegistry{p.Registry, plan}
	p.Watch, p.goal = nil, step.StatusPlanned
	return p
}

// planBuilder prints what would be built.
type planBuilder struct{ plan func(string) }

func (b planBuilder) Build(_ context.Context, r image.BuildRequest) (image.Built, error) {
	b.plan(fmt.Sprintf("would build %s (%s) for %s", r.Container.Name, r.Container.Kind, image.JoinPlatforms(r.Platforms)))
	return plannedImage(r.Platforms), nil
}

// plannedImage has no content.
type plannedImage []image.Platform

func (plannedImage) Archive(context.Context, string) error { return errPlanned }
func (plannedImage) Rootfs(context.Context, string) error  { return errPlanned }
func (i plannedImage) Archives(context.Context, string) ([]image.Variant, error) {
	variants := make([]image.Variant, len(i))
	for n, p := range i {
		variants[n] = image.Variant{Platform: p}
	}
	return variants, nil
}

var errPlanned = errors.New("a dry run builds no image to write")

// planRegistry reads the registry, and prints what would be pushed.
type planRegistry struct {
	Registry
	plan func(string)
}

func (r planRegistry) Assemble(_ context.Context, _ []image.Variant, m image.Metadata) (image.Artifact, error) {
	return plannedArtifact{r, m}, nil
}

type plannedArtifact struct {
	registry planRegistry
	metadata image.Metadata
}

func (plannedArtifact) Digest() string { return "" }
func (plannedArtifact) Close() error   { return nil }

func (a plannedArtifact) Push(ctx context.Context, ref image.Reference) error {
	found, ok, err := a.registry.Look(ctx, ref)
	if err != nil {
		return err
	}
	there := "which does not exist yet"
	if ok {
		there = fmt.Sprintf("which moves from %s, revision %s", found.Digest, cmp.Or(found.Labels[image.LabelRevision], "-"))
	}
	a.registry.plan(fmt.Sprintf("would push %s, %s", ref, there))
	a.registry.plan(fmt.Sprintf("would label it with revision %s, created %s", a.metadata.Labels[image.LabelRevision], a.metadata.Labels[image.LabelCreated]))
	return nil
}

func (plannedArtifact) Verify(context.Context, image.Reference) error { return nil }
