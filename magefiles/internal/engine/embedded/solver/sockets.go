package solver

import (
	"context"
	"net"
	"sync"

	"github.com/moby/buildkit/session/sshforward"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// sockets are the Unix sockets of the host that a session has made available to BuildKit, by their ids in LLB. The session gives access to no
// other socket.
type sockets struct {
	sshforward.UnimplementedSSHServer

	mu    sync.Mutex
	paths map[string]string
}

// Socket makes a Unix socket of the host available, and returns its id in LLB.
func (s *Solver) Socket(path string) string {
	id := "unix:" + path
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	s.sockets.paths[id] = path
	return id
}

func (s *sockets) path(id string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if path, ok := s.paths[id]; ok {
		return path, nil
	}
	return "", status.Errorf(codes.Unimplemented, "socket %s: not found", id) // BuildKit then says that nothing is forwarded
}

// Register implements session.Attachable.
func (s *sockets) Register(server *grpc.Server) { sshforward.RegisterSSHServer(server, s) }

// CheckAgent implements sshforward.SSHServer.
func (s *sockets) CheckAgent(_ context.Context, req *sshforward.CheckAgentRequest) (*sshforward.CheckAgentResponse, error) {
	_, err := s.path(req.ID)
	return &sshforward.CheckAgentResponse{}, err
}

// ForwardAgent implements sshforward.SSHServer: it connects a stream with the socket.
func (s *sockets) ForwardAgent(stream sshforward.SSH_ForwardAgentServer) error {
	ctx := stream.Context()
	id := sshforward.DefaultID
	if md, ok := metadata.FromIncomingContext(ctx); ok && len(md[sshforward.KeySSHID]) > 0 {
		id = md[sshforward.KeySSHID][0]
	}
	path, err := s.path(id)
	if err != nil {
		return err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return err
	}
	copied, ended := make(chan error, 1), make(chan struct{})
	go func() {
		copied <- sshforward.Copy(ctx, conn, stream, func() error { close(ended); return nil })
	}()
	select {
	case err := <-copied:
		return err
	case <-ended: // of the server: only the end of the stream tells the command
		return nil
	}
}
