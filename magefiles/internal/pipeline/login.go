package pipeline

import (
	"context"
	"fmt"

	"dagger.io/dagger"
	"github.com/distribution/reference"
)

// Login returns the account for pulling from a registry. ok is false if there is none: then the engine uses the Docker configuration.
type Login func(ctx context.Context, host string) (user, password string, ok bool, err error)

// login gives the engine's session the accounts of the registries of these images.
func (b Images) login(ctx context.Context, client *dagger.Client, refs ...string) error {
	if b.Login == nil {
		return nil
	}
	told := map[string]bool{}
	for _, ref := range refs {
		named, err := reference.ParseNormalizedNamed(b.Site.Mirrored(ref))
		if err != nil {
			continue // the engine reports it, with the line
		}
		host := reference.Domain(named)
		if told[host] {
			continue
		}
		told[host] = true
		user, password, ok, err := b.Login(ctx, host)
		if err != nil {
			return fmt.Errorf("account for pulling from %s: %w", host, err)
		}
		if !ok {
			continue
		}
		secret := client.SetSecret("password of "+user+" at "+host, password)
		// The container is not used; its evaluation passes the account to the session.
		if _, err := client.Container().WithRegistryAuth(host, user, secret).ID(ctx); err != nil {
			return fmt.Errorf("account for pulling from %s: %w", host, explain(err))
		}
	}
	return nil
}
