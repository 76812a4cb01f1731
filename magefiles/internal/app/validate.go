package app

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/checks"
)

// Validate runs the checks that need the files alone.
func (a *App) Validate(ctx context.Context, only, since string) error {
	return a.check(ctx, checks.All(), only, since)
}
