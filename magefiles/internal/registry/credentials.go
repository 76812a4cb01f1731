package registry

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// account finds the credentials for one operation and keeps them, so that an error can tell a missing account from a refused one, and never
// repeats the password.
type account struct {
	find func(ctx context.Context, host string) (user, password string, ok bool, err error)
	next authn.Keychain

	mu       sync.Mutex
	user     string
	password string
	known    bool
}

func (c *Client) account() *account {
	return &account{find: c.opts.Credentials, next: authn.DefaultKeychain}
}

// Resolve implements authn.Keychain.
func (a *account) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return a.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain.
func (a *account) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	if a.find != nil {
		user, password, ok, err := a.find(ctx, r.RegistryStr())
		if err != nil {
			return nil, credentialError(r.RegistryStr(), err)
		}
		if ok {
			a.remember(user, password)
			return authn.FromConfig(authn.AuthConfig{Username: user, Password: password}), nil
		}
	}
	auth, err := authn.Resolve(ctx, a.next, r)
	if err != nil {
		return nil, credentialError(r.RegistryStr(), fmt.Errorf("the Docker config or its credential helper: %w", err))
	}
	if auth != authn.Anonymous {
		if cfg, err := authn.Authorization(ctx, auth); err == nil {
			a.remember(cfg.Username, cfg.Password)
		}
	}
	return auth, nil
}

func (a *account) remember(user, password string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.user, a.password, a.known = user, password, true
}

// who is the user whose credentials were sent; ok is false if none were.
func (a *account) who() (user string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.user, a.known
}

// secrets are the passwords that are masked in any text of a registry.
func (a *account) secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return []string{a.password}
}

// credentialError says that the account for a host cannot be read; nothing was sent to the registry.
func credentialError(host string, err error) error {
	return &httpx.CredentialsError{Err: fmt.Errorf("credentials for %s: %w", host, err)}
}
