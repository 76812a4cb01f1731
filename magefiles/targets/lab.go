package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Lab is a homelab on this machine: registry, forge with a runner, and Argo CD.
type Lab mg.Namespace

// Up starts a registry, a forge and Argo CD on this machine, seeded and ready to try things on.
//
// They are the real programs: CNCF distribution; Gitea, which Forgejo came from; Argo CD on
// a Kubernetes API with etcd, Redis, and KWOK in place of nodes. All of them listen on
// 127.0.0.1 only. The forge gets a repository with this checkout's HEAD, Argo CD an
// Application for each folder of its manifests, the registry base images. The first run
// builds the programs from pinned sources, some minutes of work that is then kept.
//
// What is pushed to that repository starts its workflows. A runner of our own runs their
// jobs, one at a time, with nektos/act: as this user and on this machine, not in containers.
//
// They stay up until lab:down. What they hold is kept and found again by the next lab:up,
// at the same addresses. $BLUMEOPS_LAB names the lab: those of two names run side by side.
//
//	mage lab:up
//	mage lab:up -parts=registry
//	eval "$(mage lab:env)"
func (Lab) Up(ctx context.Context,
	parts *string, // of registry, images, forge, runner, argocd (with what these need); default: all
	registry *string, // open (default), users (needs a password) or create-only (no tag can be overwritten)
	foreground *bool, // stay in this terminal, and end with it
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		up, err := a.LabUp(ctx, value(parts), value(registry), value(foreground))
		return a.Result(up, err)
	})
}

// Down ends the lab and leaves nothing of it running.
//
// What its servers hold is kept for the next lab:up, unless -wipe is given. The programs
// that were built are kept in either case.
func (Lab) Down(ctx context.Context,
	wipe *bool, // also remove what the servers hold
) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error { return a.LabDown(ctx, value(wipe)) })
}

// Status shows the servers of the lab: whether each answers, its address, its log.
func (Lab) Status(ctx context.Context,
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		status, err := a.LabStatus(ctx)
		return a.Result(status, err)
	})
}

// Env prints what to set so that the targets, kubectl and argocd use the lab.
//
// The passwords and tokens among it are the lab's own: they were made for it, and open
// nothing but its servers on this machine.
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
