package builders

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// part is what one engine builds of a container.
type part struct {
	builder
	address string
	request image.BuildRequest
	tried   map[string]error
	built   image.Built
	release func() // the container no longer counts on the engine; it may be called again
}

// failed reports whether an error is that of the builder, and returns the engines that failed, with this one. It returns false for the failure of
// a build, and for the engine of this machine.
func (p *part) failed(ctx context.Context, err error) (tried map[string]error, ok bool) {
	if p.address == Here || ctx.Err() != nil || !p.Gone(err) && !p.Full(err) {
		return nil, false
	}
	if p.Gone(err) {
		p.fail(p.address, work{}, err)
	}
	tried = map[string]error{p.address: err}
	maps.Copy(tried, p.tried)
	return tried, true
}

// Archives implements [image.Built]. If the engine fails in the middle, another one builds and writes the archives.
func (p *part) Archives(ctx context.Context, dir string) ([]image.Variant, error) {
	written, err := p.built.Archives(ctx, dir)
	p.release()
	tried, failed := p.failed(ctx, err)
	if err == nil || !failed {
		return written, err
	}
	again, err := p.parts(ctx, p.request, tried)
	if err != nil {
		return nil, err
	}
	return (&whole{parts: again, platforms: p.request.Platforms}).Archives(ctx, dir)
}

// Archive implements [image.Built].
func (p *part) Archive(ctx context.Context, file string) error {
	defer p.release()
	return p.explain(ctx, p.built.Archive(ctx, file))
}

// Rootfs implements [image.Built].
func (p *part) Rootfs(ctx context.Context, dir string) error {
	defer p.release()
	return p.explain(ctx, p.built.Rootfs(ctx, dir))
}

// explain adds the builder to an error that is its own.
func (p *part) explain(ctx context.Context, err error) error {
	if _, failed := p.failed(ctx, err); !failed {
		return err
	}
	return &Error{Platforms: image.JoinPlatforms(p.request.Platforms), Engines: []string{named(p.address)}, Reasons: []error{err}, emulated: true}
}

// whole is an image whose platforms are built on several engines.
type whole struct {
	parts     []*part
	platforms []image.Platform // in the order of the request
}

// Archives implements [image.Built].
func (w *whole) Archives(ctx context.Context, dir string) ([]image.Variant, error) {
	written := make([][]image.Variant, len(w.parts))
	group, ctx := errgroup.WithContext(ctx)
	for i, p := range w.parts {
		group.Go(func() (err error) {
			written[i], err = p.Archives(ctx, dir)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(written...)
	slices.SortFunc(all, func(a, b image.Variant) int {
		return slices.Index(w.platforms, a.Platform) - slices.Index(w.platforms, b.Platform)
	})
	return all, nil
}

// Archive implements [image.Built]: the archives of the platforms become one, with the index that a single engine writes.
func (w *whole) Archive(ctx context.Context, file string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(file), ".platforms-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	variants, err := w.Archives(ctx, dir)
	if err != nil {
		return err
	}
	return join(file, variants)
}

// Rootfs implements [image.Built].
func (w *whole) Rootfs(context.Context, string) error {
	return fmt.Errorf("a root file system has one platform, and this image has %d", len(w.platforms))
}
