package targets

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Doctor looks whether all is there that a release needs, before anything irreversible is done.
//
// It looks for commands, free disk, certificate authorities, secrets and the engine on this machine, and asks the
// registry, the forge, git's server and Argo CD for the rights that container:publish and
// docs:release need. Nothing is built, started or written; the registry is asked by
// beginning an upload, which is taken back.
//
// Prints a line for each thing that is missing, and what to do about it.
// The exit status is 0 if nothing is, 1 if something is, and 2 where a check could not run.
//
//	mage doctor
//	mage doctor -only=registry,forge
func Doctor(ctx context.Context,
	only *string, // names of checks: tools, disk, authorities, secrets, engine, registry, forge, push, argocd, site; default: all
	format *string, // text (default), json, sarif or github
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.Doctor(ctx, value(only))
	}, reports)
}
