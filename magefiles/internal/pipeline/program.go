package pipeline

import (
	"cmp"
	"context"
	"fmt"

	"dagger.io/dagger"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline/gobuild"
)

// nobody is the user of programs: the usual number of "nonroot", which needs no /etc/passwd.
const nobody = "65532:65532"

// buildGo compiles on the host while it connects to the engine, and adds the program to its base. It downloads nothing, unless a base is named.
func (b Images) buildGo(ctx context.Context, r Request) (*Image, error) {
	r.Container.Base = cmp.Or(r.Bases[r.Container.Base], r.Container.Base)
	client, binaries, err := b.connectAndCompile(ctx, r)
	if err != nil {
		return nil, err
	}
	defer binaries.Release() // the engine has a copy by then
	if r.Container.Base != "" {
		if err := b.login(ctx, client, r.Container.Base); err != nil {
			return nil, err
		}
	}
	img, err := b.each(ctx, client, r, func(ctx context.Context, p image.Platform) (*dagger.Container, error) {
		return b.program(ctx, client, r.Container, p, binaries.Files[p])
	})
	if err != nil {
		return nil, err
	}
	for i, v := range img.variants {
		img.variants[i].sha256 = binaries.Files[v.platform].SHA256
	}
	return img, nil
}

// programPath is the path of a container's program in its image.
func programPath(c image.Container) string { return "/" + string(c.Name) }

// connectAndCompile does both concurrently. If the program does not compile, the connection is cancelled; otherwise it lasts as long as ctx.
func (b Images) connectAndCompile(ctx context.Context, r Request) (*dagger.Client, *gobuild.Binaries, error) {
	var client *dagger.Client
	var binaries *gobuild.Binaries
	connecting, giveUp := context.WithCancel(ctx)
	group, compiling := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		client, err = b.Connect(connecting)
		return err
	})
	group.Go(func() (err error) {
		if binaries, err = b.compile(compiling, r); err != nil {
			giveUp()
		}
		return err
	})
	err := group.Wait()
	if err != nil && binaries != nil {
		binaries.Release()
	}
	return client, binaries, err
}

func (b Images) compile(ctx context.Context, r Request) (_ *gobuild.Binaries, err error) {
	end := b.step("compile " + string(r.Container.Name))
	defer func() { end(err) }()
	return b.Compiler.Build(ctx, gobuild.Program{
		Name: string(r.Container.Name), Dir: r.Container.Dir, Version: r.Version, Platforms: r.Platforms,
	})
}

// program is the image of one compiled program.
func (b Images) program(ctx context.Context, client *dagger.Client, c image.Container, p image.Platform, binary gobuild.Binary) (*dagger.Container, error) {
	ctr := client.Container(dagger.ContainerOpts{Platform: dagger.Platform(p.String())})
	if c.Base != "" {
		ctr = ctr.From(b.Site.Mirrored(c.Base))
		if err := checkBase(ctx, ctr, c.Base, p); err != nil {
			return nil, err
		}
	}
	path := programPath(c)
	return ctr.
		WithFile(path, compiled(client, binary), dagger.ContainerWithFileOpts{Permissions: 0o755}).
		WithEntrypoint([]string{path}).
		WithUser(nobody).
		Sync(ctx)
}

// checkBase refuses a base image of another platform. If an image has only one platform, engines use it for any requested one.
func checkBase(ctx context.Context, ctr *dagger.Container, base string, want image.Platform) error {
	stated, err := ctr.Platform(ctx)
	if err != nil {
		return fmt.Errorf("base image %s: %w", base, err)
	}
	got, err := image.ParsePlatform(string(stated))
	if err != nil || got != want {
		return fmt.Errorf("base image %s is only for %s: choose platforms that it has (in the container, or with -platform of container:build and container:publish), or use another base image", base, stated)
	}
	return nil
}
