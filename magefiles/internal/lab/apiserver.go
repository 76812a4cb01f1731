package lab

import (
	"context"
	"net"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

var apiserverProgram = toolbuild.Program{
	Name: "kube-apiserver", Title: "Kubernetes' API server", Dir: "argocd",
	Package: "k8s.io/kubernetes/cmd/kube-apiserver", Module: "k8s.io/kubernetes", Seconds: 60, Stamp: kubernetesStamp,
}

// kubernetesStamp are values that Kubernetes' own builds also set.
var kubernetesStamp = map[string]string{
	"k8s.io/component-base/version.gitVersion": "{version}",
	"k8s.io/component-base/version.gitMajor":   "1",
	"k8s.io/component-base/version.gitMinor":   "34",
}

// startAPIServer starts the API server, and waits until it is ready.
func (c *Cluster) startAPIServer(ctx context.Context, path string) error {
	host, port, err := net.SplitHostPort(c.addr)
	if err != nil {
		return err
	}
	c.server, err = c.run("kube-apiserver", path, goMemory{Limit: 400, Percent: 25},
		"--etcd-servers=unix://"+etcdSocket,
		"--bind-address="+host,
		"--secure-port="+port,
		"--tls-cert-file="+c.certificate(),
		"--tls-private-key-file="+c.key(),
		"--cert-dir=certificates",
		"--token-auth-file="+c.tokens(),
		"--anonymous-auth=false",
		"--authorization-mode=RBAC",
		"--service-account-issuer="+c.URL(),
		"--service-account-key-file="+c.key(),
		"--service-account-signing-key-file="+c.key(),
		// Pods would wait for service accounts, which a controller creates that is not started: nothing runs in them.
		"--disable-admission-plugins=ServiceAccount",
		"--service-cluster-ip-range=10.96.0.0/16",
		// An address that belongs to nobody (RFC 5737): a loopback address is refused, and a laptop may have no other. Only pods would use it,
		// and no pod runs.
		"--advertise-address=192.0.2.1",
		"--endpoint-reconciler-type=none",
		"--allow-privileged=true",
		"--event-ttl=15m",
		// There is a single user, and this needs less memory.
		"--enable-priority-and-fairness=false",
		"--profiling=false",
	)
	if err != nil {
		return err
	}
	return c.server.ready(ctx, func(ctx context.Context) error { return c.Get(ctx, "/readyz", nil) })
}
