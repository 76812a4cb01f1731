package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/disk"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/doctor"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// attempts at a host that fails: doctor tells that it does, and does not wait until it no longer does.
const attempts = 2

// Doctor checks that a release can succeed.
func (a *App) Doctor(ctx context.Context, only string) error {
	ports, err := a.doctorPorts()
	if err != nil {
		return console.BadInput(err)
	}
	checks := doctor.Checks(ports)
	if err := used(checks, only); err != nil {
		return console.BadInput(err)
	}
	return a.check(ctx, checks, only)
}

// namedBy are the settings that name what a check looks at, by the check.
var namedBy = map[string]string{
	"builders": "BLUMEOPS_BUILDERS", "cache": "BLUMEOPS_CACHE", "argocd": "BLUMEOPS_ARGOCD_URL", "site": "BLUMEOPS_DOCS_URL",
}

// used refuses a list with a check that the settings leave out.
func used(checks []validate.Check, only string) error {
	for name := range strings.SplitSeq(only, ",") {
		name = strings.TrimSpace(name)
		setting, ok := namedBy[name]
		if ok && !slices.ContainsFunc(checks, func(c validate.Check) bool { return c.Name == name }) {
			return fmt.Errorf("the check %s has nothing to look at: %s is not set", name, setting)
		}
	}
	return nil
}

// doctorPorts are the adapters of doctor; what the site does not use is left out.
func (a *App) doctorPorts() (doctor.Ports, error) {
	ports := doctor.Ports{
		Tools: commands{a}, Disk: disks{a}, Authorities: machineAuthorities{a}, Secrets: settingsSecrets{a}, Engine: anyEngine{a},
		Registry: ownRegistry{a, a.registryClient(registry.Options{Retry: registry.Retry{Attempts: attempts}})},
	}
	ref, cached, err := a.CacheRepository()
	if err != nil {
		return ports, err
	}
	writes, err := a.writesCache()
	if err != nil {
		return ports, err
	}
	if cached {
		ports.Cache = registryCache{a, a.cacheRemote(ref, writes), ref, writes}
	}
	client, err := a.forgeAt(attempts)
	if err != nil {
		return ports, err
	}
	from, err := a.origin(client)
	ports.Clone = clone{from, err}
	ports.Forge = rights{client: client, repository: a.repository(), address: a.ForgeURL, origin: from, note: a.console.Note}
	if a.Builders != "" {
		ports.Builders = declaredBuilders{a}
	}
	if settings.IsSet(a.ArgoCDURL) {
		ports.ArgoCD = argo.Application{Client: a.argoCD(attempts), Name: a.ArgoCDApp}
	}
	if settings.IsSet(a.DocsURL) {
		ports.Website = docsWebsite{publicSite{a.DocsURL, a.http()}}
	}
	return ports, nil
}

// commands is a doctor.Tools.
type commands struct{ *App }

func (c commands) Look() []doctor.Tool {
	list := []doctor.Tool{{Name: "go", For: "container:build of a Go container"}}
	if !isFolder(c.DocsSource) {
		list = append(list, doctor.Tool{Name: "git", For: "docs:build, to fetch its generator"})
	}
	if settings.IsSet(c.DocsHook) {
		list = append(list, doctor.Tool{Name: "sh", For: "the command in BLUMEOPS_DOCS_HOOK"})
	}
	for i, tool := range list {
		if _, err := exec.LookPath(tool.Name); err != nil {
			list[i].Err = errors.New("not found in PATH")
		}
	}
	return list
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// disks is a doctor.Disk.
type disks struct{ *App }

func (d disks) Folders() ([]doctor.Folder, error) {
	list := []doctor.Folder{
		{Path: d.stateAt, Holds: "the engine", Needs: doctor.NeedsEngine},
		{Path: d.cacheAt, Holds: "compiled programs", Needs: doctor.NeedsCache},
		{Path: os.TempDir(), Holds: "temporary files", Needs: doctor.NeedsCache},
	}
	var err error
	for i := range list {
		if list[i].Free, err = disk.Free(list[i].Path); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// settingsSecrets is a doctor.Secrets.
type settingsSecrets struct{ *App }

func (s settingsSecrets) Check(ctx context.Context) ([]doctor.Secret, error) {
	checked, err := s.checkSecrets(ctx)
	if errors.Is(err, errSecrets) {
		err = nil // each of them says it
	}
	list := make([]doctor.Secret, len(checked))
	for i, c := range checked {
		list[i] = doctor.Secret{Name: c.Name, Hint: c.Hint}
		if c.State != secret.OK {
			list[i].Reason = cmp.Or(c.Reason, string(c.State))
		}
	}
	return list, err
}

// anyEngine is a doctor.Engine.
type anyEngine struct{ *App }

func (e anyEngine) Look(ctx context.Context) (doctor.Outlook, error) {
	opts, err := e.engineOptions("")
	if err != nil {
		return doctor.Outlook{}, err
	}
	look := engine.Inspect(ctx, opts)
	e.console.Note(fmt.Sprintf("engine: %s (%s)", look.Choice, look.Why))
	out := doctor.Outlook{Name: string(look.Choice), Why: look.Why, Start: look.Start, Run: look.Run}
	if look.Choice == engine.Embedded && look.Start == nil && look.Run == nil {
		out.Foreign, err = e.foreign(ctx, opts)
	}
	return out, err
}

// foreign are the platforms that Dockerfiles with RUN are published for, and that the engine runs no commands for.
func (e anyEngine) foreign(ctx context.Context, opts engine.Options) ([]doctor.Foreign, error) {
	needs, err := e.runs()
	if err != nil {
		return nil, err
	}
	declared, _ := e.BuilderList() // another check reports what is wrong with it
	for _, b := range declared {
		delete(needs, b.Platform.String()) // its builder runs them
	}
	var list []doctor.Foreign
	for _, platform := range engine.MissingPlatforms(ctx, opts, slices.Sorted(maps.Keys(needs))) {
		list = append(list, doctor.Foreign{Platform: platform, Containers: needs[platform]})
	}
	return list, nil
}

// runs are the containers with RUN by the platforms that these run for. What cannot be read is for validate to say.
func (e anyEngine) runs() (map[string][]string, error) {
	usual, err := e.Platforms()
	if err != nil {
		return nil, err
	}
	found, _ := image.Find(e.tree())
	needs := map[string][]string{}
	for _, c := range found {
		text, err := fs.ReadFile(e.tree(), c.Dir+"/Dockerfile")
		file, parseErr := dockerfile.Parse(string(text))
		if c.Kind != image.KindDockerfile || err != nil || parseErr != nil {
			continue
		}
		published := c.Platforms
		if len(published) == 0 {
			published = usual[c.Kind]
		}
		for _, p := range published {
			for _, platform := range file.Runs(p.String()) {
				if !slices.Contains(needs[platform], string(c.Name)) {
					needs[platform] = append(needs[platform], string(c.Name))
				}
			}
		}
	}
	return needs, nil
}

// machineAuthorities is a doctor.Authorities.
type machineAuthorities struct{ *App }

func (m machineAuthorities) Look() ([]doctor.Authority, error) {
	sources, err := trust.Sources(settings.CAVariable, m.CAFile, os.Getenv)
	var all trust.Bundle
	list := make([]doctor.Authority, len(sources))
	for i, s := range sources {
		list[i] = doctor.Authority{Name: s.Name, Path: s.Path}
		list[i].Certificates, list[i].Err = all.Add(s)
	}
	m.console.Note(named(list))
	return list, err
}

// named says where authorities come from.
func named(list []doctor.Authority) string {
	text := "certificate authorities: those of the system"
	for _, a := range list {
		if a.Err == nil {
			text += fmt.Sprintf(", %d in %s (%s)", a.Certificates, a.Path, a.Name)
		}
	}
	return text
}
