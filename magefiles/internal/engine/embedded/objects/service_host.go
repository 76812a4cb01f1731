package objects

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

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
	if err := h.env.noServices(); err != nil {
		return nil, err
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

// start makes the ports reachable for steps, which have the host's network. An address of the host itself needs no forwarding if the ports are
// the same; otherwise the ports are those of a loopback address of the service's own, in this session.
func (s *hostService) start(_ context.Context, r *runningService) error {
	r.ports = s.declared()
	f := &forwarder{}
	r.kill = f.stopper(r)
	if same := s.local(); same != "" {
		r.address = same
		return nil
	}
	r.address = loopback(s.env.Solver.SessionID() + r.id)
	for _, p := range s.ports {
		to := func() (net.Conn, error) {
			return net.DialTimeout("tcp", net.JoinHostPort(s.host, strconv.Itoa(p.backend)), dialTime)
		}
		if _, err := f.listen(r.address, p.frontend, to); err != nil {
			f.close()
			return fmt.Errorf("container to host: %w", err)
		}
	}
	return nil
}

// loopback is a loopback address that is derived from the id.
func loopback(id string) string {
	sum := sha256.Sum256([]byte(id))
	return net.IPv4(127, 64|sum[0]>>2, sum[1], 1|sum[2]).String()
}

// local is the loopback address if the service is on it, with the same ports.
func (s *hostService) local() string {
	if s.host != "localhost" && !strings.HasPrefix(s.host, "127.") {
		return ""
	}
	for _, p := range s.ports {
		if p.frontend != p.backend {
			return ""
		}
	}
	if s.host == "localhost" {
		return "127.0.0.1"
	}
	return s.host
}
