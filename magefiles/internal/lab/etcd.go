package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

var etcdProgram = toolbuild.Program{
	Name: "etcd", Title: "etcd", Dir: "argocd", Package: "go.etcd.io/etcd/server/v3", Module: "go.etcd.io/etcd/server/v3", Seconds: 25,
}

// etcdSocket is where etcd listens, in the cluster's folder. It is not a port, so only this user reaches it, although it requires no password.
// etcd requires a path relative to the working folder.
const etcdSocket = "etcd.sock"

// startEtcd starts the store of the API server.
func (c *Cluster) startEtcd(ctx context.Context, path string) error {
	socket, err := socketPath(c.dir, etcdSocket)
	if err != nil {
		return err
	}
	c.kept, err = c.run("etcd", path, goMemory{Limit: 80, Percent: 50},
		"--name=lab",
		"--data-dir=etcd",
		"--listen-client-urls=unix://"+etcdSocket,
		"--listen-peer-urls=unix://etcd-peer.sock",
		// The addresses for other members, which do not exist: these must have a port, and nothing listens there.
		"--advertise-client-urls=http://127.0.0.1:2379",
		"--initial-advertise-peer-urls=http://127.0.0.1:2380",
		"--initial-cluster=lab=http://127.0.0.1:2380",
		"--enable-grpc-gateway=false",
		// A power cut could only damage a lab.
		"--unsafe-no-fsync",
		"--auto-compaction-mode=periodic", "--auto-compaction-retention=10m",
		"--log-level=warn",
	)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}}
	return c.kept.ready(ctx, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://etcd/health", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("health: %s", resp.Status)
		}
		return nil
	})
}
