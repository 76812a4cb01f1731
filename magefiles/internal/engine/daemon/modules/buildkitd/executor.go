package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/executor/runcexecutor"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/worker/base"
)

// lateExecutor is BuildKit's executor, made when the first step runs. BuildKit's executor refuses to start without a runtime. This one refuses
// the step, and uses a runtime that was installed in the meantime. It also runs services, which have a network of their own.
type lateExecutor struct {
	runtime, hint string
	services      *bridge
	names         *names
	folders       mountFolders
	make          func() (executor.Executor, error)
}

func late(cfg config, services *bridge, worker base.WorkerOpt) *lateExecutor {
	names := &names{dir: filepath.Join(worker.Root, "service-hosts")}
	if !cfg.Rootless {
		services.removeRemains()
	}
	_ = os.RemoveAll(names.dir) // of a killed daemon; files are written over
	networks := maps.Clone(worker.NetworkProviders)
	networks[pb.NetMode_UNSET] = provider{networks[pb.NetMode_UNSET]}
	return &lateExecutor{
		runtime:  cfg.Runtime,
		hint:     cfg.RuntimeHint,
		services: services,
		names:    names,
		folders:  mountFolders{dir: os.TempDir()},
		make: sync.OnceValues(func() (executor.Executor, error) {
			return runcexecutor.New(runcexecutor.Opt{
				Root:              filepath.Join(worker.Root, "executor"),
				CommandCandidates: []string{cfg.Runtime},
				Rootless:          cfg.Rootless,
				ProcessMode:       oci.ProcessSandbox,
				ResourceMonitor:   worker.ResourceMonitor,
				ProxyProvider:     worker.ProxyProvider,
			}, networks)
		}),
	}
}

// Run implements [executor.Executor].
func (l *lateExecutor) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	inner, err := l.executor()
	if err != nil {
		return nil, err
	}
	defer func() { l.folders.sweep(time.Now()) }()
	session, uses, err := takeVariables(&process.Meta)
	if err != nil {
		return nil, err
	}
	if session == "" {
		if uses {
			if ctx, err = l.services.hub.forStep(ctx); err != nil {
				return nil, err
			}
		}
		return inner.Run(ctx, id, root, mounts, process, started)
	}
	network, err := l.services.join()
	if err != nil {
		return nil, err
	}
	defer network.Close() // the executor closes it, unless it fails before
	hosts, leave, err := l.names.join(session, network, process.Meta)
	if err != nil {
		return nil, err
	}
	defer leave()
	mounts = append(slices.Clone(mounts), hosts.mount())
	out := &announced{WriteCloser: process.Stdout, line: network.address.String() + "\n"}
	process.Stdout = out
	go func() { _, _ = out.Write(nil) }() // the output is read when the process has started
	return inner.Run(context.WithValue(ctx, namespaceKey{}, network), id, root, mounts, process, started)
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
