package lab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/toolbuild"
)

const argoModule = "github.com/argoproj/argo-cd/v3"

var (
	// argocdProgram has all of Argo CD's servers in one executable.
	argocdProgram = toolbuild.Program{
		Name: "argocd", Title: "Argo CD", Dir: "argocd", Package: argoModule + "/cmd", Module: argoModule, Seconds: 90,
		Stamp: map[string]string{argoModule + "/common.version": "{number}"},
		// The controller's metrics would listen on all of the machine's addresses, and there is no setting for that.
		Patch: []toolbuild.Patch{{
			Module: argoModule, File: "controller/appcontroller.go", Old: `fmt.Sprintf("0.0.0.0:%d", metricsPort)`, New: `fmt.Sprintf("127.0.0.1:%d", metricsPort)`,
		}},
	}
	// kustomizeProgram is the program that Argo CD runs for a folder with a kustomization.yaml.
	kustomizeProgram = toolbuild.Program{
		Name: "kustomize", Title: "Kustomize", Dir: "argocd",
		Package: "sigs.k8s.io/kustomize/kustomize/v5", Module: "sigs.k8s.io/kustomize/kustomize/v5", Seconds: 10,
	}
)

// ArgoCDOptions are the settings of Argo CD.
type ArgoCDOptions struct {
	Addr string // of its fault proxy, on 127.0.0.1; "" is a free port
}

// ArgoCD is Argo CD on a cluster: server, repo-server and application controller, with a Redis. Its single sign-on, its notifications,
// ApplicationSets and Helm are left out.
//
// It has two accounts for programs: ci, with the rights that a release needs in the project lab (see and sync Applications, not more), and
// reader, which may only see them.
type ArgoCD struct {
	cluster   *Cluster
	dir       string
	temporary bool
	git       string // path of the command
	proxy     *faultproxy.Proxy
	server    api // not through the fault proxy, without a token
	token     string

	redis     *redis
	processes []*process
}

// argoStart is how long Argo CD may take until it is ready. It takes about ten seconds on two idle cores.
const argoStart = 2 * time.Minute

// StartArgoCD returns when all of Argo CD answers. With Home.Dir and the cluster of the last time, passwords and tokens are those of the last
// time too. Close it before the cluster.
func StartArgoCD(ctx context.Context, h Home, c *Cluster, o ArgoCDOptions) (*ArgoCD, error) {
	a := &ArgoCD{cluster: c}
	if err := a.start(ctx, h, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start Argo CD: %w", err), a.Close())
	}
	return a, nil
}

func (a *ArgoCD) start(ctx context.Context, h Home, o ArgoCDOptions) (err error) {
	if a.git, err = exec.LookPath("git"); err != nil {
		return fmt.Errorf("git not found: apt-get install git (%w)", err)
	}
	redis, err := findRedis()
	if err != nil {
		return err
	}
	paths, err := h.buildAll(ctx, argocdProgram, kustomizeProgram)
	if err != nil {
		return err
	}
	module, err := h.moduleDir(ctx, argocdProgram, argoModule)
	if err != nil {
		return err
	}
	if a.dir, a.temporary, err = h.folder("argocd"); err != nil {
		return err
	}
	if a.proxy, err = faultproxy.Start(faultproxy.Options{Addr: o.Addr}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, argoStart)
	defer cancel()
	group, together := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		a.redis, err = startRedis(together, redis, filepath.Join(a.dir, "redis"))
		return err
	})
	group.Go(func() error { return a.createSettings(together, module) })
	if err := group.Wait(); err != nil {
		return err
	}
	return a.serve(ctx, paths[0], paths[1])
}

// serve starts the servers behind the fault proxy.
func (a *ArgoCD) serve(ctx context.Context, argocd, kustomize string) error {
	env, err := a.environment(argocd, kustomize)
	if err != nil {
		return err
	}
	err = onFreePorts(func() error { return errors.Join(a.stopServers(), a.startServers(ctx, argocd, env)) })
	if err != nil {
		return err
	}
	behind, err := url.Parse(a.server.base)
	if err != nil {
		return err
	}
	a.proxy.To(behind)
	return a.takeToken(ctx)
}

// Name is "argocd".
func (a *ArgoCD) Name() string { return "argocd" }

// URL is the address of the API, and of the web pages if they are built in, which they are not in a program from a Go module.
func (a *ArgoCD) URL() string { return a.proxy.URL() }

// Log is the server's log. Those of the other processes are in the same folder.
func (a *ArgoCD) Log() string { return a.log("server") }

func (a *ArgoCD) log(name string) string { return filepath.Join(a.dir, name+".log") }

// Proxy is the fault proxy that clients use.
func (a *ArgoCD) Proxy() *faultproxy.Proxy { return a.proxy }

// Close ends Argo CD with all its processes, git included. Its objects in the cluster stay.
func (a *ArgoCD) Close() error {
	err := a.stopServers()
	if a.redis != nil {
		err = errors.Join(err, a.redis.process.stop())
	}
	if a.proxy != nil {
		err = errors.Join(err, a.proxy.Close())
	}
	if a.server.client != nil {
		a.server.client.CloseIdleConnections()
	}
	if a.temporary {
		err = errors.Join(err, os.RemoveAll(a.dir))
	}
	return err
}

func (a *ArgoCD) stopServers() error {
	var group errgroup.Group
	for _, p := range a.processes {
		group.Go(p.stop)
	}
	a.processes = nil
	return group.Wait()
}

// direct is a client without a proxy: all servers are on this machine.
func direct() *http.Client { return &http.Client{Transport: &http.Transport{}} }
