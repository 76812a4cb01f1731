// Package pipeline builds images through the Dagger SDK. It does not know which engine
// answers: the real Dagger, or the embedded one.
package pipeline

import (
	"context"
	"fmt"
	"path/filepath"

	"dagger.io/dagger"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline/gobuild"
)

// Client is a connection to an engine, so that the caller does not need to import the SDK.
type Client = dagger.Client

// Images builds the containers of a repository.
type Images struct {
	// Connect returns the engine. It is called when an engine is needed, possibly while a program is being compiled. The caller closes the
	// connection.
	Connect func(context.Context) (*dagger.Client, error)
	// Copies, if set, are made of each folder that is sent.
	Copies Copies
	// Compiler compiles containers of kind go.
	Compiler gobuild.Compiler
	// Root is the repository's folder, absolute.
	Root string
	// Site holds the network settings of builds.
	Site Site
	// Login, if set, returns the account for each registry of a base image.
	Login Login
	// Step, if set, is called when a part of a build begins. It returns a function that is called with the result of that part. Parts may
	// overlap.
	Step func(name string) (end func(error))
	// Cached, if set, is called for the build of each container and platform.
	Cached Cached
}

// Request is the input of a build.
type Request struct {
	image.BuildRequest
	Secrets []Secret // for RUN --mount=type=secret
}

// Secret is a secret of a Dockerfile build. Engines cache a step by the names of its secrets, not their values: a name must identify the secret,
// and not its position.
type Secret struct {
	Name  string
	Value string
}

// Build evaluates the image for every platform, in parallel. All of them exist in the engine when it returns. The error names the platform that
// failed.
func (b Images) Build(ctx context.Context, r Request) (*Image, error) {
	if r.Container.Kind == image.KindGo {
		return b.buildGo(ctx, r)
	}
	return b.buildDockerfile(ctx, r)
}

// each evaluates one container for each platform.
func (b Images) each(ctx context.Context, client *dagger.Client, r Request,
	evaluate func(context.Context, image.Platform) (*dagger.Container, error),
) (*Image, error) {
	img := &Image{client: client, cached: b.Cached, container: r.Container, variants: make([]variant, len(r.Platforms))}
	group, ctx := errgroup.WithContext(ctx)
	for i, platform := range r.Platforms {
		group.Go(func() error {
			ctr, err := evaluate(b.Cached.container(ctx, r.Container.Name, platform), platform)
			if err != nil {
				return fmt.Errorf("%s: %w", platform, explain(err))
			}
			img.variants[i] = variant{platform: platform, ctr: ctr}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return img, nil
}

// dir is the container's folder on this machine.
func (b Images) dir(c image.Container) string {
	return filepath.Join(b.Root, filepath.FromSlash(c.Dir))
}

func (b Images) step(name string) func(error) {
	if b.Step == nil {
		return func(error) {}
	}
	return b.Step(name)
}
