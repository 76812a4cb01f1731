package objects

import (
	"context"
	"errors"
	"fmt"
	"net"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// forward is a port that is forwarded to another one.
type forward struct{ frontend, backend int }

// tunnel is a service of the host: it forwards ports of the host's loopback address to another service.
type tunnel struct {
	env      *Env
	upstream *Service
	ports    []forward // frontend 0: any free port
}

// forwards reads an argument with rules for ports.
func forwards(a gql.Args, name string) ([]forward, error) {
	var out []forward
	for _, m := range a.Maps(name) {
		f := forward{}
		f.frontend, _ = m["frontend"].(int)
		f.backend, _ = m["backend"].(int)
		if p, _ := m["protocol"].(string); p != "" && p != "TCP" {
			return nil, fmt.Errorf("port %d: the embedded engine forwards TCP, not %s", f.backend, p)
		}
		out = append(out, f)
	}
	return out, nil
}

func (h *Host) tunnel(_ context.Context, a gql.Args) (any, error) {
	upstream, _, err := gql.Object[*Service](a, "service")
	if err != nil {
		return nil, err
	}
	ports, err := forwards(a, "ports")
	if err != nil {
		return nil, err
	}
	return h.env.tunnel(upstream, ports, a.Bool("native"))
}

// tunnel forwards the given ports. Without any, or with native, it also forwards the ports that the service exposes.
func (e *Env) tunnel(upstream *Service, ports []forward, native bool) (*Service, error) {
	t := &tunnel{env: e, upstream: upstream}
	if len(ports) == 0 || native {
		for _, p := range upstream.declared() {
			f := forward{backend: p.port}
			if native {
				f.frontend = p.port
			}
			if p.protocol == "TCP" {
				t.ports = append(t.ports, f)
			}
		}
	}
	t.ports = append(t.ports, ports...)
	if len(t.ports) == 0 {
		return nil, errors.New("no ports to forward")
	}
	return &Service{env: e, runner: t}, nil
}

func (t *tunnel) declared() []Port { return nil }

func (t *tunnel) key(ctx context.Context) (string, error) {
	id, err := t.upstream.id(ctx)
	return fmt.Sprintf("tunnel %s %v", id, t.ports), err
}

func (t *tunnel) start(ctx context.Context, r *runningService) error {
	up, err := t.env.Services.start(ctx, t.upstream)
	if err != nil {
		return fmt.Errorf("start upstream: %w", err)
	}
	f := &forwarder{}
	for _, p := range t.ports {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", p.frontend))
		if err != nil {
			f.close()
			return fmt.Errorf("host to container: %w", err)
		}
		f.forward(l, func() (net.Conn, error) { return up.dial(context.Background(), p.backend) })
		port := l.Addr().(*net.TCPAddr).Port
		about := fmt.Sprintf("tunnel 127.0.0.1:%d -> %s:%d", port, up.host, p.backend)
		r.ports = append(r.ports, Port{port: port, protocol: "TCP", description: &about})
		r.say(about + "\n")
	}
	r.address = "127.0.0.1"
	r.kill = f.stopper(r)
	return nil
}

// up forwards ports of the host to the service until the request ends, or the service.
func (s *Service) up(ctx context.Context, a gql.Args) (any, error) {
	ports, err := forwards(a, "ports")
	if err != nil {
		return nil, err
	}
	t, err := s.env.tunnel(s, ports, !a.Bool("random") && len(ports) == 0)
	if err != nil {
		return nil, err
	}
	r, err := s.env.Services.start(ctx, t)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.quit(false) }() // closing listeners
	up, err := s.env.Services.start(ctx, s)
	if err != nil {
		return nil, err
	}
	select {
	case <-up.ended:
		if up.isStopping() {
			return nil, nil
		}
		return nil, fmt.Errorf("the service %s has ended: %s", up.host, up.cause(up.endErr))
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
