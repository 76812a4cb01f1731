package app

import (
	"context"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// registryCache is a doctor.Cache.
type registryCache struct {
	*App
	remote *cacheRemote
	ref    image.Reference
	writes bool
}

func (c registryCache) String() string { return "cache " + c.ref.Name() }

func (c registryCache) Read(ctx context.Context) error {
	_, _, err := c.remote.Manifest(ctx, "doctor")
	return withHint(err)
}

func (c registryCache) Push(ctx context.Context) error {
	if !c.writes {
		c.console.Note(c.String() + ": this machine only reads it (BLUMEOPS_CACHE_WRITE)")
		return nil
	}
	ref := c.ref
	ref.Tag = "doctor"
	return withHint(c.registryClient(registry.Options{Retry: registry.Retry{Attempts: attempts}}).MayPush(ctx, ref))
}

func (c registryCache) Old(ctx context.Context) ([]string, error) {
	tags, err := c.remote.now.Load().Tags(ctx)
	if err != nil {
		return nil, withHint(err)
	}
	containers, err := image.Find(c.tree())
	if err != nil {
		return nil, nil // validate reports it
	}
	return oldEntries(tags, containers), nil
}

// oldEntries are the tags of containers that are not in the list.
func oldEntries(tags []string, containers []image.Container) (old []string) {
	for _, tag := range tags {
		if entry, ok := strings.CutPrefix(tag, pipeline.ContainerEntry); ok && !slices.ContainsFunc(containers, func(c image.Container) bool { return entryOf(entry, c.Name) }) {
			old = append(old, tag)
		}
	}
	return old
}

// entryOf reports whether an entry, NAME-OS-ARCHITECTURE[-VARIANT], is of a container: both names may have dashes.
func entryOf(entry string, name image.Name) bool {
	platform, ok := strings.CutPrefix(entry, string(name)+"-")
	_, err := image.ParsePlatform(strings.ReplaceAll(platform, "-", "/"))
	return ok && err == nil
}
