// Package builders builds an image on several engines: each platform on a builder of the setting Builders, side by side, as one image. It chooses
// among engines that exist, and schedules nothing.
package builders

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Here is the address of the engine of this machine. It builds the platforms that have no builder.
const Here = ""

// Builder is an engine that is declared for a platform.
type Builder struct {
	Platform image.Platform
	Address  string
}

// Pool are the builders of a run. All containers of the run share it.
type Pool struct {
	Declared []Builder
	// Emulate allows that a platform is built on an engine that is not declared for it, if no builder of the platform can build.
	Emulate bool
	// Check connects to an engine, if there is no connection yet. The error is the reason why the engine cannot build; a *PlatformError if it runs
	// no commands of the platform. The zero platform asks for none.
	Check func(ctx context.Context, address string, p image.Platform) error
	// Builds is the number of builds that run on an engine, of all its users.
	Builds func(ctx context.Context, address string) int
	// Gone reports whether a build failed because its engine ended, or does not answer. It is not used again in this run.
	Gone func(error) bool
	// Full reports whether a build failed because the disk is full. The engine may have space for others.
	Full func(error) bool
	// Warn receives a line for the user.
	Warn func(string)

	mu    sync.Mutex
	turns map[string]*sync.Mutex // by platform
	load  map[string]int         // containers that are being built and exported, by address
	down  map[string]error       // why engines cannot build, by address, or by address and platform
	told  map[string]bool        // lines that were passed to Warn
}

// On returns the builder of images that uses the engine at an address.
type On func(address string) image.Builder

// Limit is the number of containers to build in parallel if one engine builds n.
func (p *Pool) Limit(n int) int {
	most := 1
	for _, b := range p.Declared {
		most = max(most, len(p.declaredFor(b.Platform)))
	}
	return n * most
}

// For builds with the pool.
func (p *Pool) For(on On) image.Builder { return builder{p, on} }

type builder struct {
	*Pool
	on On
}

// Build builds each platform on its builder. If one fails, the others finish, so that their steps are cached for the next run. No image is returned
// then.
func (b builder) Build(ctx context.Context, q image.BuildRequest) (image.Built, error) {
	parts, err := b.parts(ctx, q, nil)
	if err != nil {
		for _, part := range parts {
			part.release()
		}
		return nil, err
	}
	if len(parts) == 1 && slices.Equal(parts[0].request.Platforms, q.Platforms) {
		return parts[0], nil
	}
	return &whole{parts: parts, platforms: q.Platforms}, nil
}

// parts are built in parallel: one for each engine. tried are the engines that failed to build this, and why.
func (b builder) parts(ctx context.Context, q image.BuildRequest, tried map[string]error) ([]*part, error) {
	groups, failures := b.assign(ctx, q, tried)
	var mu sync.Mutex
	var all []*part
	var group errgroup.Group
	for _, one := range groups {
		group.Go(func() error {
			parts, err := b.group(ctx, one)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, parts...)
			if err != nil {
				failures = append(failures, err)
			}
			return nil // the others finish
		})
	}
	_ = group.Wait() // each has its own error
	slices.SortFunc(failures, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return all, errors.Join(failures...)
}

// assign chooses the engines, and groups the platforms by them.
func (b builder) assign(ctx context.Context, q image.BuildRequest, tried map[string]error) (groups []*part, failures []error) {
	var mu sync.Mutex
	var group errgroup.Group
	chosen := map[string]*part{}
	add := func(platforms []image.Platform) {
		group.Go(func() error {
			address, err := b.choose(ctx, work{platforms, q.Container.Kind == image.KindGo, tried})
			mu.Lock()
			defer mu.Unlock()
			switch one := chosen[address]; {
			case err != nil:
				failures = append(failures, err)
			case one != nil:
				one.request.Platforms = append(one.request.Platforms, platforms...)
				b.release(address) // it counts once for a container
			default:
				one = &part{builder: b, address: address, request: q, tried: tried}
				one.request.Platforms = slices.Clone(platforms)
				one.release = sync.OnceFunc(func() { b.release(address) })
				chosen[address] = one
				groups = append(groups, one)
			}
			return nil
		})
	}
	if q.Container.Kind == image.KindGo { // no engine runs its programs
		add(q.Platforms)
	} else {
		for _, p := range q.Platforms {
			add([]image.Platform{p})
		}
	}
	_ = group.Wait() // each has its own error
	for _, one := range groups {
		slices.SortFunc(one.request.Platforms, func(x, y image.Platform) int { return slices.Index(q.Platforms, x) - slices.Index(q.Platforms, y) })
	}
	return groups, failures
}

// group builds the platforms of one engine. If the engine fails, others take over.
func (b builder) group(ctx context.Context, one *part) ([]*part, error) {
	built, err := b.on(one.address).Build(ctx, one.request)
	if err == nil {
		one.built = built
		return []*part{one}, nil
	}
	one.release()
	tried, failed := one.failed(ctx, err)
	if !failed {
		return nil, err
	}
	return b.parts(ctx, one.request, tried)
}

func (p *Pool) release(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.load[address]--
}
