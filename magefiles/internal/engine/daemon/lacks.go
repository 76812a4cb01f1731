package daemon

import (
	"context"
	"errors"
)

// errNoGo says that the engine's programs are not built yet, and cannot be.
var errNoGo = errors.New("the embedded engine is not built yet, and there is no go command to build it: install Go, or set BUILDKIT_HOST")

// Lacks tells what would keep Ensure from giving a daemon (start), or the daemon from running commands (run), as far as that can be told
// without building or starting anything.
func Lacks(ctx context.Context, opts Options) (start, run error) {
	opts = opts.withDefaults()
	if host := opts.Getenv("BUILDKIT_HOST"); host != "" {
		_, err := dialNamed(ctx, host, opts.Getenv)
		return err, nil
	}
	return lacksOwn(ctx, opts)
}
