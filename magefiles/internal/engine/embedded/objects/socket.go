package objects

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// Socket is a Unix socket of the host.
type Socket struct {
	env  *Env
	path string
}

func (h *Host) unixSocket(_ context.Context, a gql.Args) (any, error) {
	return &Socket{env: h.env, path: h.env.hostPath(a.String("path"))}, nil
}

// id is the socket's id in LLB. From then on, BuildKit can connect to it.
func (s *Socket) id() string { return s.env.Solver.Socket(s.path) }
