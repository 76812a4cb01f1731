// Package lab is a homelab on one machine, for tests and for lab:up: an OCI registry, a forge with Forgejo's API and a runner for its workflows,
// and Argo CD on a Kubernetes API. All of them but the runner are the real programs. Each server has one file here.
//
// The programs are built from the pinned modules below modules/, which are not in the project's own go.mod, and kept outside the clone. Every
// server listens on 127.0.0.1, ends with the process that started it, and is behind a fault proxy (package faultproxy), which logs requests and fails
// on request. Package baseimage makes the base images.
package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// Options are the settings of a lab. Its servers can also be started alone, which costs less.
type Options struct {
	Parts      []Part // none: all
	Mode       Mode   // of the registry
	Owner      string // of the forge's repository; "" is the forge's default
	Repository string // created on the forge with Checkout's HEAD as its main, and deployed by Argo CD; "": neither
	Checkout   string // folder of a git repository
}

// Lab is a homelab that is up. Missing parts are nil.
type Lab struct {
	Registry *Registry
	Forge    *Forge
	Runner   *Runner
	Cluster  *Cluster
	ArgoCD   *ArgoCD
	Site     *Site

	options  Options
	password string   // of the registry's user
	images   []string // of the registry, by their full names on the Docker Hub
	token    string   // of the forge's owner, with all scopes
	since    time.Time
}

// Start starts a lab; the caller closes it. All its servers answer when Start returns.
func Start(ctx context.Context, h Home, o Options) (_ *Lab, err error) {
	if len(o.Parts) == 0 {
		o.Parts = AllParts
	}
	if h, err = h.withAddresses(); err != nil {
		return nil, err
	}
	l := &Lab{options: o, since: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	group, together := errgroup.WithContext(ctx)
	start := func(p Part, f func(context.Context, Home) error) {
		if slices.Contains(o.Parts, p) {
			group.Go(func() error { return f(together, h) })
		}
	}
	start(PartRegistry, l.startRegistry)
	start(PartForge, l.startForge)
	start(PartArgoCD, l.startCluster)
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := l.deploy(ctx, h); err != nil {
		return nil, err
	}
	if err := l.startRunner(ctx, h); err != nil { // its jobs use all of the others
		return nil, err
	}
	return l, h.rememberAddresses(l.addresses())
}

// RegistryUser is the registry's user in ModeUsers.
const RegistryUser = "ci"

func (l *Lab) startRegistry(ctx context.Context, h Home) (err error) {
	o := RegistryOptions{Addr: h.addresses["registry"], CreateOnly: l.options.Mode == ModeCreateOnly, Protected: baseRepositories()}
	if l.options.Mode == ModeUsers {
		if l.password, err = h.registryPassword(); err != nil {
			return err
		}
		o.Users = map[string]string{RegistryUser: l.password}
	}
	if l.Registry, err = StartRegistry(ctx, h, o); err != nil {
		return err
	}
	h.logf("registry is up: %s", l.Registry.URL())
	if !slices.Contains(l.options.Parts, PartImages) {
		return nil
	}
	for _, recipe := range baseImages() {
		layout, err := h.images().Make(ctx, recipe)
		if err != nil {
			return err
		}
		if err := l.Registry.Seed(ctx, recipe.Reference(), layout); err != nil {
			return err
		}
		l.images = append(l.images, recipe.Reference())
	}
	h.logf("base images are in the registry: %s", strings.Join(l.images, ", "))
	return nil
}

// registryPassword is that of the last time, if there was one.
func (h Home) registryPassword() (string, error) {
	if h.Dir == "" {
		return rand.Text(), nil
	}
	return loadOrCreateSecret(filepath.Join(h.Dir, "registry-password"))
}

// baseRepositories are the repositories of the base images.
func baseRepositories() (names []string) {
	for _, recipe := range baseImages() {
		name, _, _ := strings.Cut(recipe.Reference(), ":")
		names = append(names, name)
	}
	return names
}

// baseImages are the base images of a lab's registry.
func baseImages() []baseimage.Recipe {
	return []baseimage.Recipe{baseimage.DebianSlim(), baseimage.NodeSlim()}
}

func (l *Lab) startForge(ctx context.Context, h Home) (err error) {
	o := ForgeOptions{Addr: h.addresses["forge"], SSHAddr: h.addresses["ssh"], Owner: l.options.Owner, Actions: slices.Contains(l.options.Parts, PartRunner)}
	if l.Forge, err = StartForge(ctx, h, o); err != nil {
		return err
	}
	h.logf("forge is up: %s", l.Forge.URL())
	if l.token, err = l.Forge.Token(ctx, "lab", "all"); err != nil || l.options.Repository == "" {
		return err
	}
	commit, err := l.Forge.Push(ctx, l.Forge.Owner, l.options.Repository, l.options.Checkout, "HEAD")
	if err != nil {
		return err
	}
	h.logf("branch main of its repository %s/%s is commit %s of this checkout", l.Forge.Owner, l.options.Repository, commit[:min(7, len(commit))])
	return nil
}

func (l *Lab) startCluster(ctx context.Context, h Home) (err error) {
	if l.Cluster, err = StartCluster(ctx, h, ClusterOptions{Addr: h.addresses["cluster"]}); err != nil {
		return err
	}
	h.logf("Kubernetes is up: %s", l.Cluster.URL())
	return nil
}

// deploy starts Argo CD, with an Application for each folder of the repository's manifests, and the site that it deploys.
func (l *Lab) deploy(ctx context.Context, h Home) (err error) {
	if l.Cluster == nil {
		return nil
	}
	if l.ArgoCD, err = StartArgoCD(ctx, h, l.Cluster, ArgoCDOptions{Addr: h.addresses["argocd"]}); err != nil {
		return err
	}
	h.logf("Argo CD is up: %s", l.ArgoCD.URL())
	if l.options.Repository != "" {
		names, err := l.ArgoCD.AppsFor(ctx, l.Forge.CloneURL(l.Forge.Owner, l.options.Repository), os.DirFS(l.options.Checkout))
		if err != nil {
			return err
		}
		h.logf("Argo CD has an Application for each folder of argocd/manifests: %s", strings.Join(names, ", "))
	}
	l.Site, err = StartSite(ctx, h, SiteOptions{Addr: h.addresses["site"], Cluster: l.Cluster})
	return err
}

// Close ends all of the lab.
func (l *Lab) Close() error {
	var errs []error
	if l.Runner != nil {
		errs = append(errs, l.Runner.Close())
	}
	// Users of the cluster end before it does.
	if l.Site != nil {
		errs = append(errs, l.Site.Close())
	}
	if l.ArgoCD != nil {
		errs = append(errs, l.ArgoCD.Close())
	}
	var group errgroup.Group
	for _, s := range []Server{l.Cluster, l.Forge, l.Registry} {
		if !isNil(s) {
			group.Go(s.Close)
		}
	}
	return errors.Join(append(errs, group.Wait())...)
}

// Servers are the servers that are up.
func (l *Lab) Servers() []Server {
	return slices.DeleteFunc([]Server{l.Registry, l.Forge, l.Runner, l.Cluster, l.ArgoCD, l.Site}, isNil)
}

// isNil reports whether a server is a nil pointer in an interface.
func isNil(s Server) bool { return reflect.ValueOf(s).IsNil() }

func (l *Lab) addresses() map[string]string {
	found := map[string]string{}
	for _, s := range l.Servers() {
		if u, err := url.Parse(s.URL()); err == nil && u.Host != "" {
			found[s.Name()] = u.Host
		}
	}
	if l.Forge != nil {
		found["ssh"] = l.Forge.SSHAddr()
	}
	return found
}
