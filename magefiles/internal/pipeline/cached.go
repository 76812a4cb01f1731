package pipeline

import (
	"context"
	"strings"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Cached makes the requests of a context use an entry of the cache in a registry, if the engine has one.
type Cached func(ctx context.Context, entry string) context.Context

// ContainerEntry begins the names of the entries of containers: container-NAME-OS-ARCHITECTURE.
const ContainerEntry = "container-"

// entry is the context of a build. Its parts and the platform name the entry: each build replaces what an earlier one left there.
func (c Cached) entry(ctx context.Context, platform string, parts ...string) context.Context {
	if c == nil {
		return ctx
	}
	return c(ctx, strings.Join(append(parts, strings.ReplaceAll(platform, "/", "-")), "-"))
}

// native is the same for a build for the platform of the engine.
func (c Cached) native(ctx context.Context, client *dagger.Client, parts ...string) (context.Context, error) {
	if c == nil {
		return ctx, nil
	}
	platform, err := client.DefaultPlatform(ctx)
	return c.entry(ctx, string(platform), parts...), err
}

func (c Cached) container(ctx context.Context, name image.Name, p image.Platform) context.Context {
	return c.entry(ctx, p.String(), ContainerEntry+string(name))
}
