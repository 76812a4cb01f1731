package main

import (
	"context"
	"log"
	"maps"
	"os"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/util/archutil"
	"github.com/moby/buildkit/util/network/netproviders"
	"github.com/moby/buildkit/version"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/runc"
)

// newWorker makes the one worker: OCI runtime, host network for steps.
func newWorker(ctx context.Context, cfg config, services *bridge, hosts docker.RegistryHosts) (*base.Worker, error) {
	// The constructor requires an existing executable; late replaces the executor that it makes.
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	labels := maps.Clone(cfg.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[networkLabel] = networkSocket(cfg)
	opt, err := runc.NewWorkerOpt(cfg.Root, snapshotter(cfg.Root), cfg.Rootless, oci.ProcessSandbox, labels, nil,
		netproviders.Opt{Mode: "host"}, nil, self, "", false, nil, "", "", nil)
	if err != nil {
		return nil, err
	}
	opt.Executor = late(cfg, services, opt)
	opt.RegistryHosts = hosts
	opt.Platforms = archutil.SupportedPlatforms(false)
	opt.GCPolicy = gcPolicy(cfg)
	opt.BuildkitVersion = client.BuildkitVersion{Package: version.Package, Version: version.Version, Revision: version.Revision}
	w, err := base.NewWorker(ctx, opt)
	if err != nil {
		return nil, err
	}
	w.CacheMgr = releasingCache{w.CacheMgr}
	return w, nil
}

// snapshotter uses overlayfs if the file system supports it, and plain copies otherwise (on a container's own overlay root, for instance).
func snapshotter(root string) runc.SnapshotterFactory {
	if err := overlayutils.Supported(root); err != nil {
		log.Printf("overlayfs does not work in %s, layers are copied: %v", root, err)
		return runc.SnapshotterFactory{Name: "native", New: native.NewSnapshotter}
	}
	return runc.SnapshotterFactory{Name: "overlayfs", New: func(root string) (snapshots.Snapshotter, error) {
		return overlay.NewSnapshotter(root, overlay.AsynchronousRemove)
	}}
}

// gcPolicy is BuildKit's usual order of collection, under our two limits: first records that are cheap to make again (local sources, cache
// mounts, checkouts: two days), then records that were not used for two months, then the oldest, then BuildKit's own records too.
func gcPolicy(cfg config) []client.PruneInfo {
	limits := client.PruneInfo{MaxUsedSpace: cfg.CacheBytes, MinFreeSpace: cfg.MinFreeBytes}
	unused, all := limits, limits
	unused.KeepDuration = 60 * 24 * time.Hour
	all.All = true
	return []client.PruneInfo{
		{
			Filter:       []string{"type==source.local", "type==exec.cachemount", "type==source.git.checkout"},
			KeepDuration: 48 * time.Hour,
			MaxUsedSpace: 512 << 20,
		},
		unused, limits, all,
	}
}
