package targets

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Doctor checks that a release can succeed, before it starts.
//
// The names of its checks:
//
//	tools, disk       commands and free disk space of this machine
//	authorities       files with certificate authorities
//	secrets, engine   every secret can be read, the engine can start
//	builders          each answers, and runs its platform
//	registry          pushing is allowed: an upload is begun and cancelled
//	forge, push       writing releases, packages, branch and tag is allowed
//	argocd, site      syncing the docs is allowed, and the website answers
//
// A check is left out if the settings do not use its server. Nothing is built,
// started or stored.
//
// It prints one line for each missing requirement, and the remedy. The exit
// status is 0 if nothing is missing, 1 if something is, 2 if a check could not
// run.
//
//	mage doctor
//	mage doctor -only=registry,forge
func Doctor(ctx context.Context,
	only *string, // names of checks, such as registry,forge; default: all
	format *string, // text (default), json, sarif or github
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.Doctor(ctx, value(only))
	}, reports)
}
