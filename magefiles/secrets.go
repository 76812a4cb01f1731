//go:build mage

package main

import "context"

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
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		checked, err := r.checkSecrets(ctx)
		return r.result(checked, err)
	})
}
