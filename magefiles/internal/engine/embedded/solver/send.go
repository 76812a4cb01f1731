package solver

import (
	"cmp"
	"context"
	"strings"

	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// sender sends host folders, as BuildKit's own provider does, but ends the transfer if a file changed since it was read: fsutil does not tell the
// other side then, and both would wait forever.
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
	md, _ := metadata.FromIncomingContext(stream.Context())
	asked := strings.Join(md.Get(digestOfTree), "")
	tree, ok := s.locals.tree(asked)
	if !ok {
		return status.Errorf(codes.NotFound, "no access allowed to %q of %q", asked, md.Get("dir-name"))
	}
	md = md.Copy()
	md.Set("dir-name", asked)
	md.Delete(digestOfTree)
	sent := make(chan error, 1)
	go func() {
		sent <- s.FileSyncServer.DiffCopy(renamed{stream, metadata.NewIncomingContext(stream.Context(), md)})
	}()
	select {
	case err := <-sent:
		return cmp.Or(tree.Err(), err) // both may be ready, and the tree's error names the file
	case <-tree.Failed():
		return tree.Err() // the stream ends, and with it the transfer
	}
}

// digestOfTree is the metadata key in which BuildKit sends a source's exclude patterns: our only pattern identifies the requested content.
const digestOfTree = "exclude-patterns"

// renamed is a stream that requests another folder.
type renamed struct {
	filesync.FileSync_DiffCopyServer
	ctx context.Context
}

func (r renamed) Context() context.Context { return r.ctx }
