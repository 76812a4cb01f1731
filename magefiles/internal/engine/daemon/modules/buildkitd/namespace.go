package main

import (
	"context"
	"net/netip"
	"runtime"
	"sync"

	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/util/network"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is the network of one service, or of the steps that use services. It is an open file of the daemon, so nothing of it remains after the daemon and the service's
// processes.
type namespace struct {
	handle  netns.NsHandle
	address netip.Prefix // with the size of the subnet

	once  sync.Once
	leave func() error
	err   error
}

// newNamespace makes a network namespace. The thread that enters it ends with the goroutine, because it stays locked.
func newNamespace() (netns.NsHandle, error) {
	type made struct {
		handle netns.NsHandle
		err    error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- made{netns.None(), err}
			return
		}
		handle, err := netns.Get()
		done <- made{handle, err}
	}()
	m := <-done
	return m.handle, m.err
}

// Set implements [network.Namespace].
func (n *namespace) Set(s *specs.Spec) error {
	return oci.WithLinuxNamespace(specs.LinuxNamespace{
		Type: specs.NetworkNamespace, Path: path(n.handle),
	})(nil, nil, nil, s)
}

// Close implements [network.Namespace]. It may be called more than once.
func (n *namespace) Close() error {
	n.once.Do(func() { n.err = n.leave() })
	return n.err
}

// Sample implements [network.Namespace].
func (n *namespace) Sample() (*types.NetworkSample, error) { return nil, nil }

// provider gives a process the namespace in its context, and all other processes those of the inner provider.
type provider struct{ network.Provider }

type namespaceKey struct{}

// New implements [network.Provider].
func (p provider) New(ctx context.Context, hostname string, opt network.NamespaceOptions) (network.Namespace, error) {
	if n, ok := ctx.Value(namespaceKey{}).(*namespace); ok {
		return n, nil
	}
	return p.Provider.New(ctx, hostname, opt)
}
