package solver

import (
	"context"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/session"
	sessioncontent "github.com/moby/buildkit/session/content"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/entitlements"
)

// entitlements are the rights that the build requests from the daemon.
func (s *Solver) entitlements() []string {
	if s.opts.Insecure {
		return []string{entitlements.EntitlementSecurityInsecure.String()}
	}
	return nil
}

func (s *Solver) attachables() []session.Attachable {
	a := []session.Attachable{newSender(s.locals), s.sockets}
	if s.opts.Secret != nil {
		a = append(a, secretsprovider.NewSecretProvider(secretStore(s.opts.Secret)))
	}
	if s.opts.Auth != nil {
		a = append(a, s.opts.Auth)
	}
	stores := map[string]content.Store{}
	if s.imports != nil {
		stores["oci:"+ImportStore] = s.imports
	}
	if s.cache != nil {
		stores["local:"+s.cache.Dir] = s.cache.store
	}
	if len(stores) > 0 {
		a = append(a, sessioncontent.NewAttachable(stores))
	}
	return a
}

type secretStore func(ctx context.Context, id string) ([]byte, error)

func (f secretStore) GetSecret(ctx context.Context, id string) ([]byte, error) { return f(ctx, id) }
