package solver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// networkLabel is the worker label with the path of the Unix socket by which the engine's own daemon makes TCP sockets in the network of the
// services. The daemon has the same constant (modules/buildkitd).
const networkLabel = "me.eblu.ops.blumeops.network"

// HasServices reports whether the daemon has a network for services.
func (s *Solver) HasServices() bool { return s.Label(networkLabel) != "" }

// Dial connects to a service, or to another address in the network of the services. The address is an IP address with a port.
func (s *Solver) Dial(ctx context.Context, address string) (net.Conn, error) {
	f, err := s.socket(ctx, "dial "+address)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileConn(f)
}

// Listen listens in the network of the services.
func (s *Solver) Listen(ctx context.Context, address string) (net.Listener, error) {
	f, err := s.socket(ctx, "listen "+address)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}

// socket asks the daemon for a socket.
func (s *Solver) socket(ctx context.Context, request string) (*os.File, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", s.Label(networkLabel))
	if err != nil {
		return nil, fmt.Errorf("the network of the services: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends the read
	defer stop()
	f, err := receive(conn.(*net.UnixConn), request)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("the network of the services: %s: %w", request, err)
	}
	return f, nil
}

// receive sends a request and reads the answer: "ok" with a socket, or an error.
func receive(conn *net.UnixConn, request string) (*os.File, error) {
	if _, err := fmt.Fprintln(conn, request); err != nil {
		return nil, err
	}
	text, rights := make([]byte, 4<<10), make([]byte, unix.CmsgSpace(4))
	n, rightsLen, _, _, err := conn.ReadMsgUnix(text, rights)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:rightsLen])
	if err != nil {
		return nil, err
	}
	if len(messages) == 0 {
		return nil, errors.New(string(bytes.TrimSpace(text[:n])))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), request), nil
}
