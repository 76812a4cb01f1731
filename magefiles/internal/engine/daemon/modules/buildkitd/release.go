package main

import (
	"context"

	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
)

// releasingWorker is BuildKit's worker without results that nobody releases. Such a result stays in use, so that it is not collected, until the
// daemon ends.
type releasingWorker struct{ *base.Worker }

// ResolveOp implements [worker.Worker].
func (w releasingWorker) ResolveOp(v solver.Vertex, bridge frontend.FrontendLLBBridge, sessions *session.Manager, proxy worker.ProxyOpt) (solver.Op, error) {
	op, err := w.Worker.ResolveOp(v, bridge, sessions, proxy)
	if err != nil {
		return nil, err
	}
	return releasingOp{op}, nil
}

// releasingOp is an operation that returns either results or an error, and no results after it was cancelled. BuildKit's solver loses both: the
// results beside the error of a command that was stopped, and the results of an operation that ends after its build, when the client of the build
// was killed.
//
// BuildKit's provenance does not know this type, and would have no sources. No client requests provenance from this daemon.
type releasingOp struct{ solver.Op }

// Exec implements [solver.Op].
func (o releasingOp) Exec(ctx context.Context, job solver.JobContext, inputs []solver.Result) ([]solver.Result, error) {
	results, err := o.Op.Exec(ctx, job, inputs)
	if err == nil {
		if err = context.Cause(ctx); err == nil {
			return results, nil
		}
	}
	for _, r := range results {
		if r != nil {
			_ = r.Release(context.WithoutCancel(ctx)) // the error of the operation is the one to see
		}
	}
	return nil, err
}

// releasingCache is the cache of a worker. BuildKit's does not release the parent of a new record if that is cancelled at the beginning.
type releasingCache struct{ cache.Manager }

// New implements [cache.Manager].
func (c releasingCache) New(ctx context.Context, parent cache.ImmutableRef, group session.Group, opts ...cache.RefOption) (cache.MutableRef, error) {
	if parent != nil {
		if err := parent.Finalize(ctx); err != nil {
			return nil, err
		}
		if err := parent.Extract(ctx, group); err != nil { // it may download
			return nil, err
		}
	}
	return c.Manager.New(context.WithoutCancel(ctx), parent, group, opts...)
}
