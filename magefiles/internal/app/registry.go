package app

import (
	"context"
	"fmt"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
)

// requireRegistry returns an error if no registry is given: neither by the flag -registry nor by the settings.
func (a *App) requireRegistry(flag string) error {
	if flag != "" {
		return console.BadInput(site.CheckAddress("-registry", flag, a.hide))
	}
	return console.BadInput(a.Require("Registry"))
}

// pushingTo are the registries, and who is told how far a push is.
func (a *App) pushingTo(progress func(registry.Progress)) images {
	return images{a.registryClient(registry.Options{Progress: progress})}
}

// registryClient is a client of registries, with the site's account for its own registry.
func (a *App) registryClient(o registry.Options) *registry.Client {
	o.Plain, o.CAFile, o.Log = site.List(a.PlainRegistries), a.trusted.file(), a.console.Note
	if o.Credentials == nil {
		o.Credentials = a.credentials
	}
	return registry.New(o)
}

// readingClient reads from registries, with the site's account for its own. Without the
// account's password, which a job for somebody's pull request does not get, it reads what
// everybody may.
func (a *App) readingClient() *registry.Client {
	var once sync.Once
	return a.registryClient(registry.Options{
		Credentials: func(ctx context.Context, host string) (user, password string, ok bool, err error) {
			user, password, ok, err = a.credentials(ctx, host)
			if err != nil && ctx.Err() == nil {
				once.Do(func() { a.console.Warn(host + " is read without an account: " + err.Error()) })
				return "", "", false, nil
			}
			return user, password, ok, err
		},
	})
}

// credentials are those of the site's own registry; others never see them.
func (a *App) credentials(ctx context.Context, host string) (user, password string, ok bool, err error) {
	if host != a.Registry || !a.HasAccount() {
		return "", "", false, nil
	}
	ref, err := a.Password()
	if err != nil {
		return "", "", false, err
	}
	found, err := a.secrets.Resolve(ctx, ref)
	if err != nil {
		return "", "", false, err
	}
	return a.RegistryUser, found[0].Reveal(), true, nil
}

func (a *App) login(ctx context.Context, host string) error {
	_, _, _, err := a.credentials(ctx, host)
	return err
}

// pullLogin is the account for pulling from the site's own registry. Without its password
// a base is still to be had where everybody may read.
func (a *App) pullLogin(ctx context.Context, host string) (user, password string, ok bool, err error) {
	user, password, ok, err = a.credentials(ctx, host)
	if err != nil && ctx.Err() == nil {
		a.console.Warn("base images of " + host + " are pulled without an account: " + err.Error())
		return "", "", false, nil
	}
	return user, password, ok, err
}

// images is a task.Registry.
type images struct{ client *registry.Client }

func (i images) Look(ctx context.Context, ref image.Reference) (task.Found, bool, error) {
	found, ok, err := i.client.Look(ctx, ref)
	return task.Found{Digest: found.Digest, Platforms: found.Platforms, Labels: found.Labels}, ok, err
}

// Tags makes images a task.TagRegistry.
func (i images) Tags(ctx context.Context, ref image.Reference) ([]string, error) {
	return i.client.Tags(ctx, ref)
}

func (i images) Assemble(ctx context.Context, variants []task.Variant, m task.Metadata) (task.Artifact, error) {
	theirs := make([]registry.Variant, len(variants))
	for n, v := range variants {
		theirs[n] = registry.Variant{
			Platform: v.Platform, Archive: v.File, BaseLayers: v.BaseLayers, Program: v.Program, SHA256: v.SHA256,
		}
	}
	made, err := registry.AssembleContext(ctx, theirs, registry.Metadata{
		Created: m.Created, Labels: m.Labels, Annotations: m.Annotations, Repack: m.Repack,
	})
	if err != nil {
		return nil, err
	}
	return artifact{made, i.client}, nil
}

// artifact is a task.Artifact.
type artifact struct {
	*registry.Artifact
	client *registry.Client
}

func (a artifact) Push(ctx context.Context, ref image.Reference) error {
	pushed, err := a.client.Push(ctx, ref, a.Artifact)
	if err == nil && pushed != a.Digest() {
		err = fmt.Errorf("%s: pushed %s, which was to be %s", ref, pushed, a.Digest())
	}
	return err
}

func (a artifact) Verify(ctx context.Context, ref image.Reference) error {
	return a.client.Verify(ctx, ref, a.Artifact)
}
