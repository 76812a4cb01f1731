package registry

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
)

// account finds the credentials for one operation, and remembers what it found, so that an error can tell a missing account from a refused one
// and never repeats the password.
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
			return nil, &credentialError{host: r.RegistryStr(), err: err}
		}
		if ok {
			a.remember(user, password)
			return authn.FromConfig(authn.AuthConfig{Username: user, Password: password}), nil
		}
	}
	auth, err := authn.Resolve(ctx, a.next, r)
	if err != nil {
		return nil, &credentialError{host: r.RegistryStr(), err: fmt.Errorf("the Docker config or its credential helper: %w", err)}
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

// hide takes the password out of a text that a registry sent.
func (a *account) hide(s string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.password == "" {
		return s
	}
	return strings.ReplaceAll(s, a.password, "[password]")
}

// credentialError says that the account for a host could not be had; nothing was sent to the registry.
type credentialError struct {
	host string
	err  error
}

// Error implements error.
func (e *credentialError) Error() string { return "credentials for " + e.host + ": " + e.err.Error() }

// Unwrap gives the reason.
func (e *credentialError) Unwrap() error { return e.err }
