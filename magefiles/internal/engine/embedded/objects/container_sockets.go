package objects

import (
	"context"
	"errors"
	"path"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

var containerSocketFields = map[string]gql.Resolver{
	"withUnixSocket":    field((*Container).withUnixSocket),
	"withoutUnixSocket": field((*Container).withoutUnixSocket),
}

// socketMount is a socket of the host that commands see at target.
type socketMount struct {
	target string
	socket *Socket
	owner  ownership
}

func (c *Container) withUnixSocket(ctx context.Context, a gql.Args) (any, error) {
	socket, ok, err := gql.Object[*Socket](a, "source")
	if err == nil && !ok {
		err = errors.New("withUnixSocket requires a socket")
	}
	if err != nil {
		return nil, err
	}
	m := socketMount{target: path.Clean(c.path(c.arg(a, "path"))), socket: socket}
	if owner := a.String("owner"); owner != "" {
		if m.owner, err = c.owner(ctx, owner); err != nil {
			return nil, inSpan(err)
		}
	}
	out := c.withoutSocket(m.target)
	out.sockets = append(out.sockets, m)
	out.imageRef = ""
	return out, nil
}

func (c *Container) withoutUnixSocket(_ context.Context, a gql.Args) (any, error) {
	return c.withoutSocket(path.Clean(c.path(c.arg(a, "path")))), nil
}

func (c *Container) withoutSocket(target string) *Container {
	out := *c
	out.sockets = nil
	for _, m := range c.sockets {
		if m.target != target {
			out.sockets = append(out.sockets, m)
		}
	}
	return &out
}

// runOption is the socket in an exec. Only its owner can connect to it.
func (m socketMount) runOption() llb.RunOption {
	return llb.AddSSHSocket(llb.SSHID(m.socket.id()), llb.SSHSocketOpt(m.target, m.owner.uid, m.owner.gid, 0o600))
}
