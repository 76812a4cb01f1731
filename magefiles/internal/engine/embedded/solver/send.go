package solver

import (
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// sender sends host folders, as BuildKit's own provider does, but ends the transfer when a file cannot be given as it was read: fsutil
// tells the other side nothing then, and both would wait for ever.
type sender struct {
	filesync.FileSyncServer
	locals *locals
}

func newSender(l *locals) session.Attachable {
	return &sender{filesync.NewFSSyncProvider(l).(filesync.FileSyncServer), l}
}

// Register implements session.Attachable.
func (s *sender) Register(server *grpc.Server) { filesync.RegisterFileSyncServer(server, s) }

// DiffCopy implements filesync.FileSyncServer.
func (s *sender) DiffCopy(stream filesync.FileSync_DiffCopyServer) error {
	tree, ok := s.locals.tree(asked(stream))
	if !ok {
		return s.FileSyncServer.DiffCopy(stream) // which refuses it
	}
	sent := make(chan error, 1)
	go func() { sent <- s.FileSyncServer.DiffCopy(stream) }()
	select {
	case err := <-sent:
		return err
	case <-tree.Failed():
		return tree.Err() // the stream ends, and with it the transfer
	}
}

// asked is the name of the folder that BuildKit asks for.
func asked(stream filesync.FileSync_DiffCopyServer) string {
	md, _ := metadata.FromIncomingContext(stream.Context())
	if name := md.Get("dir-name"); len(name) > 0 {
		return name[0]
	}
	return ""
}
