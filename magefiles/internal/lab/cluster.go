package lab

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

// ClusterOptions are the settings of a cluster.
type ClusterOptions struct {
	Addr string // of the API server, on 127.0.0.1; "" is a free port
}

// Cluster is a Kubernetes cluster: etcd, the API server, the controllers and the scheduler of Kubernetes itself, and one node that KWOK
// simulates. Pods on that node are reported as running, but no container is ever started.
type Cluster struct {
	dir       string // data, keys and logs
	temporary bool
	addr      string
	token     string // of the administrator
	roots     *x509.CertPool
	client    *http.Client

	server     *process
	kept       *process   // etcd
	controlled []*process // processes that use the API server
}

// clusterStart is how long a cluster may take until it is ready. It takes about ten seconds on two idle cores.
const clusterStart = 3 * time.Minute

// StartCluster returns when the API server is ready and the node accepts pods. With Home.Dir, objects and the administrator's token are those of
// the last time.
func StartCluster(ctx context.Context, h Home, o ClusterOptions) (*Cluster, error) {
	c := &Cluster{}
	if err := c.start(ctx, h, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start cluster: %w", err), c.Close())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, h Home, o ClusterOptions) error {
	paths, err := h.buildAll(ctx, etcdProgram, apiserverProgram, controllersProgram, schedulerProgram, kwokProgram)
	if err != nil {
		return err
	}
	played, err := h.kwokFiles(ctx)
	if err != nil {
		return err
	}
	if c.dir, c.temporary, err = h.folder("cluster"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, clusterStart)
	defer cancel()
	if err := c.startEtcd(ctx, paths[0]); err != nil {
		return err
	}
	err = onFreePorts(func() error {
		if c.addr, err = addrOr(o.Addr); err != nil {
			return err
		}
		if err := c.identify(); err != nil {
			return err
		}
		return c.startAPIServer(ctx, paths[1])
	})
	if err != nil {
		return err
	}
	if err := c.startControllers(paths[2], paths[3]); err != nil {
		return err
	}
	return c.startKwok(ctx, paths[4], played)
}

// onFreePorts tries again if another process takes a chosen port before the server does.
func onFreePorts(start func() error) error {
	for try := 1; ; try++ {
		err := start()
		taken := err != nil && strings.Contains(strings.ToLower(err.Error()), "address already in use")
		if !taken || try == portTries {
			return err
		}
	}
}

// buildAll builds programs, in their order.
func (h Home) buildAll(ctx context.Context, programs ...toolbuild.Program) ([]string, error) {
	paths := make([]string, len(programs))
	for i, p := range programs {
		var err error
		if paths[i], err = h.build(ctx, p); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// Name is "cluster".
func (c *Cluster) Name() string { return "cluster" }

// URL is the address of the API server, which speaks TLS with its own certificate: see Kubeconfig.
func (c *Cluster) URL() string { return "https://" + c.addr }

// Log is the API server's log. Those of the other processes are in the same folder.
func (c *Cluster) Log() string { return c.log("kube-apiserver") }

func (c *Cluster) log(name string) string { return filepath.Join(c.dir, name+".log") }

// Kubeconfig is the file with which kubectl and similar programs are the cluster's administrator.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// Close ends the cluster: first the processes that use the API server, concurrently, then the server, then etcd.
func (c *Cluster) Close() error {
	var group errgroup.Group
	for _, p := range c.controlled {
		group.Go(p.stop)
	}
	err := errors.Join(group.Wait(), c.server.stop(), c.kept.stop())
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
	if c.temporary {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

// run starts a process of the cluster, with its folder as working folder and home.
func (c *Cluster) run(name, path string, memory goMemory, args ...string) (*process, error) {
	return startProcess(program{
		Name: name, Path: path, Args: args, Dir: c.dir, Log: c.log(name),
		Env: append(memory.env(), "HOME="+c.dir),
	})
}

// goMemory limits the memory of a server written in Go: a lab is idle for most of its life.
type goMemory struct {
	Limit   int // in MiB; above it, garbage is collected as often as necessary
	Percent int // growth of the heap between two collections
}

func (m goMemory) env() []string {
	return []string{fmt.Sprintf("GOMEMLIMIT=%dMiB", m.Limit), fmt.Sprintf("GOGC=%d", m.Percent)}
}

// waitUntil polls until answers returns no error, or ctx ends, or waitTime is over.
func waitUntil(ctx context.Context, what string, answers func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, waitTime, errWaitTime)
	defer cancel()
	for {
		err := answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w; last: %w", what, context.Cause(ctx), err)
		case <-time.After(pollInterval):
		}
	}
}
