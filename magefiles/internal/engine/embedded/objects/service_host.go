package objects

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strconv"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// hostService is a server of the host that steps can use as a service.
type hostService struct {
	env   *Env
	host  string
	ports []forward // frontend 0: as backend
}

func (h *Host) service(_ context.Context, a gql.Args) (any, error) {
	ports, err := forwards(a, "ports")
	if err != nil {
		return nil, err
	}
	if len(ports) == 0 {
		return nil, errors.New("no ports specified")
	}
	if !h.env.Solver.HasServices() {
		return nil, errNoServices
	}
	for i, p := range ports {
		if p.frontend == 0 {
			ports[i].frontend = p.backend
		}
	}
	return &Service{env: h.env, runner: &hostService{env: h.env, host: first(a.String("host"), "localhost"), ports: ports}}, nil
}

func (s *hostService) key(context.Context) (string, error) {
	return fmt.Sprintf("host %s %v", s.host, s.ports), nil
}

func (s *hostService) declared() (out []Port) {
	for _, p := range s.ports {
		about := fmt.Sprintf("tunnel TCP %d -> %d", p.frontend, p.backend)
		out = append(out, Port{port: p.frontend, protocol: "TCP", description: &about})
	}
	return out
}

// start makes the ports reachable for steps: they are those of a loopback address of the service's own, in this session.
func (s *hostService) start(ctx context.Context, r *runningService) error {
	r.ports = s.declared()
	r.address = loopback(s.env.Solver.SessionID() + r.id)
	f := &forwarder{}
	r.kill = f.stopper(r)
	for _, p := range s.ports {
		l, err := s.env.Solver.Listen(ctx, net.JoinHostPort(r.address, strconv.Itoa(p.frontend)))
		if err != nil {
			f.close()
			return fmt.Errorf("container to host: %w", err)
		}
		f.forward(l, func() (net.Conn, error) {
			return net.DialTimeout("tcp", net.JoinHostPort(s.host, strconv.Itoa(p.backend)), dialTime)
		})
	}
	return nil
}

// loopback is a loopback address that is derived from the id.
func loopback(id string) string {
	sum := sha256.Sum256([]byte(id))
	return net.IPv4(127, 64|sum[0]>>2, sum[1], 1|sum[2]).String()
}
