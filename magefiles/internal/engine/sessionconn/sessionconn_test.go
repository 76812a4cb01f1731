package sessionconn

import (
	"context"
	"io"
	"testing"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/session/grpchijack"
	"google.golang.org/grpc"
)

// control is a daemon that sends one message to a session, and another one after the session ended its side.
type control struct {
	controlapi.ControlClient
}

func (control) Session(ctx context.Context, _ ...grpc.CallOption) (controlapi.Control_SessionClient, error) {
	return &messages{ctx: ctx, left: []string{"first"}}, nil
}

type messages struct {
	grpc.ClientStream
	ctx  context.Context
	left []string
}

func (m *messages) Context() context.Context { return m.ctx }

func (m *messages) CloseSend() error {
	m.left = append(m.left, "late")
	return nil
}

func (m *messages) RecvMsg(into any) error {
	if len(m.left) == 0 {
		return io.EOF
	}
	message := into.(*controlapi.BytesMessage)
	message.Data = append(message.Data[:0], m.left[0]...)
	m.left = m.left[1:]
	return nil
}

func (m *messages) Send(*controlapi.BytesMessage) error { return nil }

func (m *messages) Recv() (*controlapi.BytesMessage, error) {
	var message controlapi.BytesMessage
	return &message, m.RecvMsg(&message)
}

// A closed connection of BuildKit's gives its reader nothing that nobody sent.
func TestAClosedConnectionEnds(t *testing.T) {
	c, err := Dialer(grpchijack.Dialer(control{}))(t.Context(), "h2c", nil)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<16)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "first" {
		t.Fatalf("read %q, %v", b[:n], err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(b); n != 0 || err != io.EOF {
		t.Errorf("after Close: %d bytes, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if c, err = Dialer(grpchijack.Dialer(control{}))(ctx, "h2c", nil); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := c.Read(b); n != 0 || err != io.EOF {
		t.Errorf("after the session: %d bytes, %v", n, err)
	}
}
