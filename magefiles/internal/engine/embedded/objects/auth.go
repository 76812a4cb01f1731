package objects

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
)

// RegistryAuth are the credentials of a session: those that a pipeline gave for a registry, otherwise those of Fallback.
type RegistryAuth struct {
	// Fallback returns the host's credentials for a registry, empty ones if there are none.
	Fallback func(host string) (types.AuthConfig, error)

	mu      sync.Mutex
	known   map[string]login
	aliases map[string]string // address of a service -> host of the images that it has
}

type login struct {
	user   string
	secret func(context.Context) ([]byte, error)
}

// Set stores the credentials for the registry of address. It ignores the part of address after the host.
func (r *RegistryAuth) Set(address, user string, secret func(context.Context) ([]byte, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]login{}
	}
	r.known[registryHost(address)] = login{user, secret}
	return nil
}

// Forget removes them.
func (r *RegistryAuth) Forget(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, registryHost(address))
}

// alias makes the credentials of a host those of an address.
func (r *RegistryAuth) alias(address, host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.aliases == nil {
		r.aliases = map[string]string{}
	}
	r.aliases[address] = registryHost(host)
}

func registryHost(address string) string {
	address = strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
	host, _, _ := strings.Cut(address, "/")
	if host == "docker.io" || host == "index.docker.io" || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return authprovider.DockerHubRegistryHost
	}
	return host
}

// Attachable answers BuildKit's requests for credentials through the session.
func (r *RegistryAuth) Attachable() session.Attachable {
	return authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: func(ctx context.Context, host string, _ []string, _ authprovider.ExpireCachedAuthCheck) (types.AuthConfig, error) {
			return r.lookup(ctx, host)
		},
		ExpireCachedAuth: func(time.Time, string) bool { return true },
	})
}

func (r *RegistryAuth) lookup(ctx context.Context, host string) (types.AuthConfig, error) {
	r.mu.Lock()
	if other, ok := r.aliases[host]; ok {
		host = other
	}
	l, ok := r.known[host]
	r.mu.Unlock()
	if ok {
		password, err := l.secret(ctx)
		return types.AuthConfig{Username: l.user, Password: string(password), ServerAddress: host}, err
	}
	if r.Fallback == nil {
		return types.AuthConfig{}, nil
	}
	return r.Fallback(host)
}

// knows reports whether there are credentials for the registry of an image.
func (r *RegistryAuth) knows(ctx context.Context, ref string) bool {
	c, err := r.lookup(ctx, registryHost(ref))
	return err != nil || c.Username != "" || c.IdentityToken != "" || c.RegistryToken != ""
}
