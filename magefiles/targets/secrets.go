package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Secrets is about the secrets that targets read.
type Secrets mg.Namespace

// Check reads every secret that targets may need, and says which ones can be had.
//
// A secret is named by a reference: op://vault/item/field (1Password), env://NAME or
// file://PATH. In CI only environment variables are read; elsewhere they go before the
// references. Names are printed, never values.
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
