package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Lab controls real servers on this machine: a registry, a forge with a runner,
// and Argo CD.
type Lab mg.Namespace

// Up starts a registry, a forge and Argo CD on this machine.
//
// They are real programs: CNCF distribution; Gitea, from which Forgejo was
// forked; Argo CD on a Kubernetes API with etcd, Redis, and KWOK in place of
// nodes. All of them listen on 127.0.0.1 only. The first run builds them from
// pinned sources, which takes some minutes. Later runs use the same programs.
//
// The forge gets a repository with HEAD of this checkout. Argo CD gets an
// Application for each folder of its manifests. The registry gets base images.
//
// A push to that repository starts its workflows. Our runner runs their jobs, one
// at a time, with nektos/act: as this user, on this machine, not in containers.
//
// The lab runs until lab:down. The next lab:up uses the same data and addresses.
// $BLUMEOPS_LAB is the name of the lab: labs with two names can run at the same
// time.
//
//	mage lab:up
//	mage lab:up -parts=registry
//	eval "$(mage lab:env)"
func (Lab) Up(ctx context.Context,
	parts *string, // registry, images, forge, runner, argocd, with their requirements; default: all
	registry *string, // open (default), users (requires a password) or create-only (no tag moves)
	foreground *bool, // stay in this terminal, and end with it
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		up, err := a.LabUp(ctx, value(parts), value(registry), value(foreground))
		return a.Result(up, err)
	})
}

// Down stops the lab; its data stays.
//
// No process of it is left. The next lab:up uses the data again. The built
// programs stay in any case.
//
//	mage lab:down
//	mage lab:down -wipe
func (Lab) Down(ctx context.Context,
	wipe *bool, // also remove the data of the servers
) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.LabDown(ctx, value(wipe)) })
}

// Status shows the servers of the lab: state, address, log.
//
// The exit status is 1 if one does not answer, or if no lab is running.
func (Lab) Status(ctx context.Context,
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		status, err := a.LabStatus(ctx)
		return a.Result(status, err)
	})
}

// Env prints the variables that make targets use the lab.
//
// They also apply to kubectl and argocd. The passwords and tokens in the output
// are those of the lab. They give access to nothing else.
//
//	eval "$(mage lab:env)"
func (Lab) Env(ctx context.Context,
	format *string, // text (default; lines for a POSIX shell) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		env, err := a.LabEnv()
		return a.Result(env, err)
	})
}
