package app

import (
	"context"
	"path/filepath"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// requireRegistry returns an error if no registry is given: neither by the flag -registry nor by the settings.
func (a *App) requireRegistry(flag string) error {
	if flag != "" {
		return console.BadInput(settings.CheckAddress("-registry", flag, a.hide))
	}
	return console.BadInput(a.Require("Registry"))
}

// pushingTo are the registries, and who is told how far a push is.
func (a *App) pushingTo(progress func(registry.Progress)) *registry.Client {
	return a.registryClient(registry.Options{Progress: progress})
}

// registryClient is a client of registries, with the site's account for its own registry.
func (a *App) registryClient(o registry.Options) *registry.Client {
	o.Plain, o.CAFile = settings.List(a.PlainRegistries), a.trusted.file()
	if o.Log == nil {
		o.Log = a.console.Note
	}
	if o.Credentials == nil {
		o.Credentials = a.credentials
	}
	return registry.New(o)
}

// readingClient reads from registries, with the site's account for its own. Without the
// account's password, which a job for somebody's pull request does not get, it reads what
// everybody may.
func (a *App) readingClient() *registry.Client { return a.readingWith(nil) }

// comparingClient is a readingClient that reads nothing twice that a digest identifies. It does not notice that a registry has
// lost content, so nothing is published because of it.
func (a *App) comparingClient() *registry.Client {
	return a.readingWith(&registry.Cache{Dir: filepath.Join(a.cacheAt, "registry")})
}

func (a *App) readingWith(cache *registry.Cache) *registry.Client {
	var once sync.Once
	return a.registryClient(registry.Options{
		Cache: cache,
		Credentials: func(ctx context.Context, host string) (user, password string, ok bool, err error) {
			user, password, ok, err = a.credentials(ctx, host)
			if err != nil && ctx.Err() == nil {
				once.Do(func() { a.console.Warn(host + " is read anonymously: " + err.Error()) })
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
// a base that everybody may read can still be pulled.
func (a *App) pullLogin(ctx context.Context, host string) (user, password string, ok bool, err error) {
	user, password, ok, err = a.credentials(ctx, host)
	if err != nil && ctx.Err() == nil {
		a.console.Warn("base images of " + host + " are pulled anonymously: " + err.Error())
		return "", "", false, nil
	}
	return user, password, ok, err
}
