// Package sessionconn ends the connections of BuildKit's sessions cleanly.
package sessionconn

import (
	"context"
	"io"
	"net"
	"sync/atomic"

	"github.com/moby/buildkit/session"
)

// Dialer makes the connections of another dialer end when they are closed. BuildKit's own connection then reads the rest of its messages, and gives its
// reader the whole buffer of each, with the bytes of earlier messages: the session's server takes them for frames, reports an invalid one on stderr,
// and waits for a second.
func Dialer(dial session.Dialer) session.Dialer {
	return func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
		c, err := dial(ctx, proto, meta)
		if err != nil {
			return nil, err
		}
		return &endingConn{Conn: c, ctx: ctx}, nil
	}
}

type endingConn struct {
	net.Conn
	ctx    context.Context // of the session
	closed atomic.Bool
}

// Read implements net.Conn.
func (c *endingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.closed.Load() || c.ctx.Err() != nil { // also where the end of the session is an error, which the server would report
		return 0, io.EOF
	}
	return n, err
}

// Close implements net.Conn.
func (c *endingConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}
