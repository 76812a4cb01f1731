package objects

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Service is a server that steps and the host can use: a container, or a forwarding of ports from or to the host. It runs from its first use to
// the end of the session.
type Service struct {
	env      *Env
	hostname string // "": derived from the definition
	runner
}

// runner is the kind of a service.
type runner interface {
	// key identifies the service: equal definitions are one service.
	key(ctx context.Context) (string, error)
	// declared are the ports that are known before the start.
	declared() []Port
	// start starts the service, and returns when it can be used. The service lives on after the end of ctx.
	start(ctx context.Context, r *runningService) error
}

var serviceFields = map[string]gql.Resolver{
	"hostname": field(func(s *Service, ctx context.Context, _ gql.Args) (any, error) { return s.host(ctx) }),
	"withHostname": field(func(s *Service, _ context.Context, a gql.Args) (any, error) {
		out := *s
		out.hostname = a.String("hostname")
		return &out, validName(out.hostname)
	}),
	"ports":    field((*Service).ports),
	"endpoint": field((*Service).endpoint),
	"start": field(func(s *Service, ctx context.Context, _ gql.Args) (any, error) {
		_, err := s.env.Services.start(ctx, s)
		return nil, err
	}),
	"sync": field(func(s *Service, ctx context.Context, _ gql.Args) (any, error) {
		_, err := s.id(ctx)
		return nil, err
	}),
	"stop": field(func(s *Service, ctx context.Context, a gql.Args) (any, error) {
		return nil, s.env.Services.stop(ctx, s, a.Bool("kill"))
	}),
	"up": field((*Service).up),
}

// id identifies the service in the session, and in the cache keys of the steps that use it.
func (s *Service) id(ctx context.Context) (string, error) {
	k, err := s.key(ctx)
	return k + " " + s.hostname, err
}

// host is the name by which steps reach the service.
func (s *Service) host(ctx context.Context) (string, error) {
	if s.hostname != "" {
		return s.hostname, nil
	}
	k, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(k))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:]))[:13], nil // as long as in Dagger
}

func (s *Service) ports(ctx context.Context, _ gql.Args) (any, error) {
	ports := s.declared()
	if r, ok := s.env.Services.running(ctx, s); ok {
		ports = r.ports
	} else if _, isTunnel := s.runner.(*tunnel); isTunnel {
		return nil, fmt.Errorf("failed to get service ports: %w", errNotRunning)
	}
	return each(ports, func(p Port) any { return p }), nil
}

var errNotRunning = errors.New("the service is not running: start it first")

func (s *Service) endpoint(ctx context.Context, a gql.Args) (any, error) {
	host, err := s.host(ctx)
	if err != nil {
		return nil, err
	}
	ports := s.declared()
	if _, isTunnel := s.runner.(*tunnel); isTunnel {
		r, ok := s.env.Services.running(ctx, s)
		if !ok {
			return nil, errNotRunning
		}
		host, ports = r.address, r.ports
	}
	port := a.Int("port")
	if port == 0 {
		if len(ports) == 0 {
			return nil, errors.New("no ports exposed")
		}
		port = ports[0].port
	}
	endpoint := fmt.Sprintf("%s:%d", host, port)
	if scheme := a.String("scheme"); scheme != "" {
		endpoint = scheme + "://" + endpoint
	}
	return endpoint, nil
}
