package objects

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/distribution/reference"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// imageRegistry is the way to the registry of an image: its own host, or a service in place of it.
type imageRegistry struct {
	host string // in the address of the image
	at   string // where BuildKit reaches it
}

// registryOf returns the way to the registry of an image. The argument registryService is a service that answers as the registry: BuildKit reaches
// it by a port of the loopback address, where it also accepts plain HTTP.
func (e *Env) registryOf(ctx context.Context, a gql.Args, named reference.Named) (imageRegistry, error) {
	host := reference.Domain(named)
	s, given, err := gql.Object[*Service](a, "registryService")
	if err != nil || !given {
		return imageRegistry{host, host}, err
	}
	f := forward{}
	if _, port, err := net.SplitHostPort(host); err == nil {
		f.backend, _ = strconv.Atoi(port)
	} else if ports := s.declared(); len(ports) > 0 {
		f.backend = ports[0].port
	} else {
		return imageRegistry{}, errors.New("registryService: no ports exposed, and no port in the address of the image")
	}
	t, err := e.tunnel(s, []forward{f}, false)
	if err != nil {
		return imageRegistry{}, err
	}
	r, err := e.Services.start(ctx, t)
	if err != nil {
		return imageRegistry{}, fmt.Errorf("registryService: %w", err)
	}
	out := imageRegistry{host, net.JoinHostPort(r.address, strconv.Itoa(r.ports[0].port))}
	e.Auth.alias(out.at, host)
	return out, nil
}

// reach is the address of an image for BuildKit.
func (r imageRegistry) reach(named reference.Named) (reference.Named, error) {
	if r.at == r.host {
		return named, nil
	}
	return reference.ParseNormalizedNamed(strings.Replace(named.String(), r.host+"/", r.at+"/", 1))
}

// named is an error with the host of the image's address.
func (r imageRegistry) named(err error) error {
	if err == nil || r.at == r.host {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), r.at, r.host))
}
