package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Engine is about the embedded engine, which builds where there is no Docker.
type Engine mg.Namespace

// Status says whether the embedded engine runs, where, and how large its cache is.
func (Engine) Status(ctx context.Context,
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		status, err := a.EngineStatus(ctx)
		return a.Result(status, err)
	})
}

// Up starts the embedded engine, building it first if need be.
//
// Other targets do so by themselves; this is to have the wait now. It is built from
// pinned sources with Go, needs no Docker, and is kept outside of the clone.
func (Engine) Up(ctx context.Context) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EngineUp(ctx) })
}

// Down stops the embedded engine and leaves nothing of it running; its cache stays.
func (Engine) Down(ctx context.Context) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EngineDown(ctx) })
}

// Prune frees the embedded engine's cache of what no build uses.
func (Engine) Prune(ctx context.Context,
	all *bool, // also what the engine keeps for itself; of an engine that is down, the whole cache
) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EnginePrune(ctx, value(all)) })
}

// Serve opens a session of the embedded engine for a Dagger SDK of any language.
//
// It speaks the protocol of «dagger session»: one line of JSON on stdout with a port and
// a token, GraphQL at http://127.0.0.1:PORT/query for whoever brings the token, and the
// end when stdin is closed. Give the two to an SDK as DAGGER_SESSION_PORT and
// DAGGER_SESSION_TOKEN.
func (Engine) Serve(ctx context.Context) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.EngineServe(ctx) })
}
