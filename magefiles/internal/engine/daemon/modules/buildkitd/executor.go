package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/executor/runcexecutor"
	"github.com/moby/buildkit/worker/base"
)

// lateExecutor is BuildKit's executor, made when the first step runs. BuildKit's executor refuses to start without a runtime. This one refuses
// the step, and uses a runtime that was installed in the meantime.
type lateExecutor struct {
	runtime, hint string
	make          func() (executor.Executor, error)
}

func late(cfg config, worker base.WorkerOpt) *lateExecutor {
	return &lateExecutor{
		runtime: cfg.Runtime,
		hint:    cfg.RuntimeHint,
		make: sync.OnceValues(func() (executor.Executor, error) {
			return runcexecutor.New(runcexecutor.Opt{
				Root:              filepath.Join(worker.Root, "executor"),
				CommandCandidates: []string{cfg.Runtime},
				Rootless:          cfg.Rootless,
				ProcessMode:       oci.ProcessSandbox,
				ResourceMonitor:   worker.ResourceMonitor,
				ProxyProvider:     worker.ProxyProvider,
			}, worker.NetworkProviders)
		}),
	}
}

// Run implements [executor.Executor].
func (l *lateExecutor) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	inner, err := l.executor()
	if err != nil {
		return nil, err
	}
	return inner.Run(ctx, id, root, mounts, process, started)
}

// Exec implements [executor.Executor].
func (l *lateExecutor) Exec(ctx context.Context, id string, process executor.ProcessInfo) error {
	inner, err := l.executor()
	if err != nil {
		return err
	}
	return inner.Exec(ctx, id, process)
}

func (l *lateExecutor) executor() (executor.Executor, error) {
	if _, err := os.Stat(l.runtime); err != nil {
		return nil, errors.New(l.hint)
	}
	return l.make()
}
