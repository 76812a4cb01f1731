package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Engine controls the embedded engine, which builds on a machine without Docker.
type Engine mg.Namespace

// Status shows the embedded engine: state, address, cache.
//
//	mage engine:status
func (Engine) Status(ctx context.Context,
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		status, err := a.EngineStatus(ctx)
		return a.Result(status, err)
	})
}

// Up starts the embedded engine; builds it first if needed.
//
// Other targets do this themselves: use it to wait now and not later. The engine
// is built from pinned sources with Go. It requires no Docker. It is stored in
// the cache folder of the user.
func (Engine) Up(ctx context.Context) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EngineUp(ctx) })
}

// Down stops the embedded engine; its cache stays.
//
// No process and no mount of it is left.
func (Engine) Down(ctx context.Context) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EngineDown(ctx) })
}

// Prune removes unused content from the cache of the engine.
//
//	mage engine:prune
//	mage engine:down && mage engine:prune -all
func (Engine) Prune(ctx context.Context,
	all *bool, // also internal content; if the engine is stopped, the whole cache
) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EnginePrune(ctx, value(all)) })
}

// Serve opens a session of the embedded engine for a Dagger SDK.
//
// It speaks the protocol of `dagger session`. It prints one line of JSON with a
// port and a token, answers GraphQL at http://127.0.0.1:PORT/query to requests
// with the token, and ends when stdin is closed. An SDK reads port and token from
// DAGGER_SESSION_PORT and DAGGER_SESSION_TOKEN.
func (Engine) Serve(ctx context.Context) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EngineServe(ctx) })
}
