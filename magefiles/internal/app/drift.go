package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/drift"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Drift compares the manifests with the registries, git's history and Argo CD.
func (a *App) Drift(ctx context.Context, only string) error {
	ports, err := a.driftPorts()
	if err != nil {
		return console.BadInput(err)
	}
	return a.check(ctx, drift.Checks(ports), only)
}

// driftPorts are the adapters of drift; what the site does not use is left out.
func (a *App) driftPorts() (drift.Ports, error) {
	client, err := a.forge()
	if err != nil {
		return drift.Ports{}, err
	}
	from, err := a.origin(client)
	if err != nil {
		return drift.Ports{}, err
	}
	ports := drift.Ports{
		Images:  registries{a.registryClient(registry.Options{})},
		History: &history{origin: from},
		Packages: docsPackages{
			Package: a.docsPackage(client), host: a.ForgeURL, file: path.Clean(a.DocsManifest),
		},
	}
	if settings.IsSet(a.ArgoCDURL) {
		ports.Applications = applications{a.argoCD(0), a.ArgoCDAddress(os.Getenv)}
	}
	return ports, nil
}

// registries is a drift.Images.
type registries struct{ client *registry.Client }

func (i registries) Holds(ctx context.Context, ref image.Reference, digest string) (string, bool, error) {
	found, ok, err := i.client.Holds(ctx, ref, digest)
	return found, ok, withHint(err)
}

// applications is a drift.Applications.
type applications struct {
	client  *argo.Client
	address string
}

func (a applications) String() string { return "Argo CD " + a.address }

// wholeCommit is what a revision is that is no version of a chart.
var wholeCommit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

func (a applications) List(ctx context.Context) ([]drift.Live, error) {
	found, err := a.client.List(ctx)
	list := make([]drift.Live, len(found))
	for i, f := range found {
		list[i] = drift.Live{
			Name: f.Name, Repos: f.Repos, Owner: f.Owner, Sync: f.Sync, Health: f.Health, Trouble: f.Trouble, Auto: f.AutoSync,
		}
		if wholeCommit.MatchString(f.Deployed) {
			list[i].Revision = f.Deployed
		}
		for _, r := range f.OutOfSync {
			list[i].Differs = append(list[i].Differs, strings.TrimSpace(r.Kind+" "+path.Join(r.Namespace, r.Name)))
		}
	}
	return list, err
}

func (a applications) MaySee(ctx context.Context, project, name string) error {
	may, hint, err := a.client.MaySee(ctx, project, name)
	if err == nil && !may {
		err = advice{fmt.Errorf("the token for %s may not see it", a), hint}
	}
	return err
}

// history is a drift.History. Several checks ask for the same, which is fetched once.
type history struct {
	origin *origin.Origin
	once   sync.Once
	refs   drift.Refs
	err    error
}

func (h *history) String() string { return "git remote " + h.origin.Remote.String() }

func (h *history) Refs(ctx context.Context) (drift.Refs, error) {
	h.once.Do(func() { h.refs, h.err = h.fetch(ctx) })
	return h.refs, h.err
}

func (h *history) fetch(ctx context.Context) (drift.Refs, error) {
	there, err := h.origin.Remote.Refs(ctx)
	if err != nil {
		return drift.Refs{}, err
	}
	found := drift.Refs{Default: cmp.Or(there.Default, origin.DefaultBranch), Heads: there.Heads, Tags: map[string]string{}}
	for name, tag := range there.Tags {
		found.Tags[name] = tag.Commit
	}
	for branch, commit := range there.Heads {
		if h.origin.Has(commit) {
			continue
		}
		fetched, err := h.origin.Remote.Fetch(ctx, branch)
		if errors.Is(err, repo.ErrNoSuchRef) { // deleted in between
			delete(found.Heads, branch)
			continue
		}
		if err != nil {
			return found, err
		}
		found.Heads[branch] = fetched.Hash
	}
	return found, nil
}

func (h *history) Reached(ctx context.Context, tips []string) (func(commit string) (bool, error), error) {
	commits, err := h.origin.Git.History(ctx, tips...)
	if err != nil {
		return nil, err
	}
	return func(commit string) (bool, error) {
		on := commits.Holds(commit)
		if !on && commits.Cut {
			return false, advice{
				fmt.Errorf("%w: its history does not reach %.12s", repo.ErrShallow, commit), "run git fetch --unshallow, or check out with fetch-depth: 0",
			}
		}
		return on, nil
	}, nil
}

// docsPackages is a drift.Packages.
type docsPackages struct {
	forge.Package
	host string
	file string // the manifest
}

func (d docsPackages) String() string { return d.host }

// Pinned leaves a manifest that names no release, or none of the forge's, to those who wrote it.
func (d docsPackages) Pinned(tree *validate.Tree) (pin drift.Pin, ok bool, err error) {
	text, ok := tree.Text(d.file)
	if !ok {
		return pin, false, nil
	}
	places := []manifest.Place{manifest.Env{Variable: docsURLVariable}, manifest.Env{Variable: docsSumVariable}}
	found, err := manifest.File{Path: d.file, Text: []byte(text)}.Read(places...)
	if errors.Is(err, manifest.ErrNone) {
		return pin, false, nil
	}
	if err != nil {
		return pin, false, err
	}
	version, file, ok := d.Locate(found[0].Value)
	return drift.Pin{Path: d.file, Line: found[0].Line, Version: version, File: file, Sum: found[1].Value}, ok, nil
}

func (d docsPackages) Sum(ctx context.Context, pin drift.Pin) (string, bool, error) {
	sum, err := d.Package.Sum(ctx, pin.Version, pin.File)
	if errors.Is(err, vcs.ErrNoFile) {
		return "", false, nil
	}
	return sum.SHA256, err == nil, err
}
