package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/builders"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
)

// silence is how long a builder may take to answer while it builds.
const silence = 20 * time.Second

// AllowEmulation is the flag -emulate, which overrides the setting.
func (a *App) AllowEmulation(on bool) {
	if on {
		a.Emulate = "true"
	}
}

// imageBuilder builds each platform on its builder, or with the engine of this machine if it has none.
func (a *App) imageBuilder(choice string) (image.Builder, error) {
	here, err := a.builder(choice)
	if err != nil {
		return nil, err
	}
	list, err := a.BuilderList()
	if err != nil {
		return nil, console.BadInput(err)
	}
	emulate, err := a.Emulates()
	if err != nil {
		return nil, console.BadInput(err)
	}
	if len(list) == 0 {
		return here, nil
	}
	opts, err := a.engineOptions(choice)
	if err != nil {
		return nil, err
	}
	f := &fleet{app: a, opts: opts}
	pool := &builders.Pool{Emulate: emulate, Check: f.check, Builds: f.builds, Gone: isGone, Full: pipeline.IsFull, Warn: a.console.Warn}
	for _, b := range list {
		pool.Declared = append(pool.Declared, builders.Builder(b))
	}
	f.pool = pool
	return pooled{f, here}, nil
}

// isGone reports whether a build failed because its engine ended, or does not answer.
func isGone(err error) bool {
	var silent *engine.SilentError
	return errors.As(err, &silent) || pipeline.IsLost(err)
}

// fleet are the builders of the setting Builders.
type fleet struct {
	app  *App
	opts engine.Options // of the engine of this machine
	pool *builders.Pool

	mu     sync.Mutex
	warned map[string]bool // addresses whose version is another one
}

// at is the session with an engine, and its options.
func (f *fleet) at(address string) (*session, engine.Options) {
	if address == builders.Here {
		return &f.app.session, f.opts
	}
	opts := f.opts
	opts.Builder = address
	opts.Events = func(e engine.Event) { f.app.progress.builderEvent(address, e) }
	return f.app.sessions.at(address, f.app.suits), opts
}

// check is [builders.Pool.Check].
func (f *fleet) check(ctx context.Context, address string, p image.Platform) error {
	s, opts := f.at(address)
	open, err := s.session(ctx, opts)
	if err != nil {
		return err
	}
	if address != builders.Here {
		f.compare(address, open.Version())
	}
	if p == (image.Platform{}) {
		return nil
	}
	if reported, ok := open.Platforms(p.String()); !ok {
		return &builders.PlatformError{Platform: p, Offers: reported}
	}
	if address == builders.Here && f.declared(p) && open.Choice == engine.Embedded && len(engine.MissingPlatforms(ctx, opts, []string{p.String()})) > 0 {
		return &builders.PlatformError{Platform: p, Offers: []string{image.NativePlatform().String()}}
	}
	return nil
}

func (f *fleet) declared(p image.Platform) bool {
	for _, b := range f.pool.Declared {
		if b.Platform == p {
			return true
		}
	}
	return false
}

// compare warns, once, of a builder with another version of BuildKit than this program was tested with.
func (f *fleet) compare(address, version string) {
	note := engine.OtherVersion(version)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.warned == nil {
		f.warned = map[string]bool{}
	}
	if note != "" && !f.warned[address] {
		f.app.console.Warn(fmt.Sprintf("builder %s: %s", address, note))
	}
	f.warned[address] = true
}

// builds is [builders.Pool.Builds].
func (f *fleet) builds(ctx context.Context, address string) int {
	s, opts := f.at(address)
	open, err := s.session(ctx, opts)
	if err != nil {
		return 0
	}
	return open.Builds(ctx)
}

// pooled is an image.Builder that is a fleet.
type pooled struct {
	*fleet
	here builder // of the engine of this machine
}

// Build implements [image.Builder].
func (p pooled) Build(ctx context.Context, q image.BuildRequest) (image.Built, error) {
	return p.pool.For(p.on).Build(ctx, q)
}

// on is [builders.On].
func (p pooled) on(address string) image.Builder {
	if address == builders.Here {
		return p.here
	}
	s, opts := p.at(address)
	one := p.here
	one.session, one.address = s, address
	one.images.Connect = func(ctx context.Context) (*pipeline.Client, error) { return s.connect(ctx, opts) }
	one.images.Copies = copiesOf(s, p.app.cacheAt)
	return attended{one}
}

// attended is the builder of images at an address, whose builds end when it stops answering.
type attended struct{ builder }

// Build implements [image.Builder].
func (a attended) Build(ctx context.Context, q image.BuildRequest) (built image.Built, err error) {
	err = a.attend(ctx, func(ctx context.Context) (err error) {
		built, err = a.builder.Build(ctx, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	return attendedImage{a, built}, nil
}

// attend does something with the builder until it is done, or until the builder stops answering.
func (a attended) attend(ctx context.Context, do func(context.Context) error) error {
	return a.session.whileAnswering(ctx, a.app.silence, do)
}

// attendedImage is an image on a builder.
type attendedImage struct {
	attended
	image.Built
}

// Archive implements [image.Built].
func (i attendedImage) Archive(ctx context.Context, file string) error {
	return i.attend(ctx, func(ctx context.Context) error { return i.Built.Archive(ctx, file) })
}

// Archives implements [image.Built].
func (i attendedImage) Archives(ctx context.Context, dir string) (list []image.Variant, err error) {
	err = i.attend(ctx, func(ctx context.Context) (err error) {
		list, err = i.Built.Archives(ctx, dir)
		return err
	})
	return list, err
}

// Rootfs implements [image.Built].
func (i attendedImage) Rootfs(ctx context.Context, dir string) error {
	return i.attend(ctx, func(ctx context.Context) error { return i.Built.Rootfs(ctx, dir) })
}
