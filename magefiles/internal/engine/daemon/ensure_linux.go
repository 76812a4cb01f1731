package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// lockRetry is how often a waiting run checks whether the lock is free.
const lockRetry = 100 * time.Millisecond

// ensureOwn answers in a few milliseconds if the right daemon is running already.
func ensureOwn(ctx context.Context, opts Options) (*Daemon, error) {
	if !filepath.IsAbs(opts.StateDir) {
		return nil, fmt.Errorf("the engine's folder %q is not an absolute path", opts.StateDir)
	}
	src, err := opts.builder().Inspect(buildkitd)
	if err != nil {
		return nil, err
	}
	f := opts.files()
	if r := probe(ctx, f.socket); r.serves(src.Key, opts.settings()) {
		return opts.daemon(ctx, r), nil
	}
	if err := f.prepare(); err != nil {
		return nil, err
	}
	unlock, err := opts.lock(ctx, f.lock)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return opts.ensureLocked(ctx, src, f)
}

// ensureLocked checks again, since another run may have finished in the meantime.
func (o Options) ensureLocked(ctx context.Context, src toolbuild.State, f files) (*Daemon, error) {
	r := probe(ctx, f.socket)
	if err := r.foreign(f); err != nil {
		return nil, err
	}
	s := o.settings()
	if r.serves(src.Key, s) {
		return o.daemon(ctx, r), nil
	}
	if r.answers() && r.key == src.Key && r.busy(ctx) {
		o.logf("the engine's settings changed while it builds: they take effect at its next start")
		return o.daemon(ctx, r), nil
	}
	if err := o.checkDisk(f); err != nil {
		return nil, err
	}
	l, err := o.prepareLaunch(ctx, f)
	if err != nil {
		return nil, err
	}
	if r.pid != 0 {
		if err := o.replace(ctx, r, src, f); err != nil {
			return nil, err
		}
	}
	r, err = o.start(ctx, l, f, s)
	if err != nil {
		return nil, err
	}
	return o.daemon(ctx, r), nil
}

// replace stops our daemon if it has another version or other settings, when it is idle.
func (o Options) replace(ctx context.Context, r running, src toolbuild.State, f files) error {
	if r.answers() && r.busy(ctx) {
		o.logf("the engine still builds with %s; waiting for it to finish, then %s starts", r.version, src.Label())
		if err := r.waitIdle(ctx); err != nil {
			return err
		}
	}
	o.logf("restarting the engine")
	return o.stop(ctx, r, f)
}

// lock keeps two runs from building, starting or stopping the daemon at the same time.
func (o Options) lock(ctx context.Context, path string) (unlock func(), err error) {
	l := flock.New(path)
	ok, err := l.TryLock()
	if err == nil && !ok {
		o.logf("another run is setting up the engine; waiting for it")
		ok, err = l.TryLockContext(ctx, lockRetry)
	}
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("lock %s", path), err)
	}
	return func() { l.Unlock() }, nil
}

func (o Options) daemon(ctx context.Context, r running) *Daemon {
	return &Daemon{Address: r.address, Version: r.version, Runtime: o.linkRuntime(ctx), noRuntime: o.noRuntime()}
}
