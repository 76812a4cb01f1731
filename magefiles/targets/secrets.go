package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Secrets checks the secrets that targets read.
type Secrets mg.Namespace

// Check reads the secrets of all targets, and prints their state.
//
// A reference names a secret: op://vault/item/field (1Password), env://NAME or
// file://PATH. An environment variable overrides it. In CI only environment
// variables are read. Names are printed, never values.
//
//	mage secrets:check
func (Secrets) Check(ctx context.Context,
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		checked, err := a.CheckSecrets(ctx)
		return a.Result(checked, err)
	})
}
