// Package solver sends the embedded engine's work to BuildKit: it solves LLB, reads results, and exports them.
//
// One Solver is one BuildKit build that stays open for the life of an engine session, so that all its solves share
// one BuildKit session (host directories, secrets, registry credentials) and one stream of progress. If the cache in the registry fails, a second
// build of the same session continues without it.
package solver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // BuildKit's codec, as in buildctl: names of files may hold any bytes
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/sessionconn"
)

// Options are the settings of a Solver.
type Options struct {
	// Secret returns the value of a secret by its id in the LLB.
	Secret func(ctx context.Context, id string) ([]byte, error)
	// Auth answers BuildKit's requests for registry credentials.
	Auth session.Attachable
	// ImportDir is a folder that holds the blobs of imported images, as an OCI layout has them.
	ImportDir string
	// Events receives BuildKit's reports about each step; nil for nobody.
	Events func(Event)
	// Insecure requests the right to run commands with all rights of root. A daemon that does not grant it refuses the session.
	Insecure bool
	// Cache is the cache in a registry; nil for none.
	Cache *Cache
}

// ImportStore is the name by which LLB finds the content of ImportDir.
const ImportStore = "import"

// Solver solves, reads and exports LLB on one BuildKit daemon. It is safe for concurrent use.
type Solver struct {
	client   *client.Client
	opts     Options
	locals   *locals
	sockets  *sockets
	imports  content.Store
	cache    *entries // nil if there is none
	progress *progress
	retries  *retries
	session  *session.Session

	marshals sync.Mutex // held while llb marshals

	mu      sync.Mutex // held while the build changes
	current *build

	life   context.Context // ends with Close
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when the session has ended
}

var errClosed = errors.New("the engine session is closed")

// Open starts the build that all later calls are part of. The daemon behind c must stay reachable until Close.
func Open(ctx context.Context, c *client.Client, opts Options) (*Solver, error) {
	s := &Solver{
		client: c, opts: opts, locals: newLocals(), sockets: &sockets{paths: map[string]string{}}, progress: newProgress(opts.Events), retries: newRetries(),
		cache: newEntries(opts.Cache), ended: make(chan struct{}),
	}
	_ = log.SetLevel("fatal") // containerd's own level: its content stores report on stderr what they also return
	if opts.ImportDir != "" {
		store, err := contentlocal.NewStore(opts.ImportDir)
		if err != nil {
			return nil, err
		}
		s.imports = store
	}
	var err error
	if s.session, err = session.NewSession(ctx, ""); err != nil {
		return nil, err
	}
	for _, a := range s.attachables() {
		s.session.Allow(a)
	}
	s.life, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	go func() {
		defer close(s.ended)
		if err := s.session.Run(s.life, sessionconn.Dialer(c.Dialer())); err != nil {
			s.cancel(err)
		}
	}()
	if s.current, err = s.begin(ctx); err != nil {
		s.cancel(err)
		<-s.ended
		return nil, err
	}
	return s, nil
}

// Close ends the session. Running requests are stopped.
func (s *Solver) Close() error {
	s.cancel(errClosed)
	<-s.build().closed
	s.session.Close()
	<-s.ended
	s.cache.close()
	s.progress.wait()
	return nil
}

// SessionID is the BuildKit session that host directories are read through.
func (s *Solver) SessionID() string { return s.session.ID() }

// Platform is the platform that the daemon runs on.
func (s *Solver) Platform() ocispecs.Platform {
	for _, w := range s.Gateway().BuildOpts().Workers {
		if len(w.Platforms) > 0 {
			return platforms.Normalize(w.Platforms[0])
		}
	}
	return platforms.DefaultSpec()
}

// Gateway is the build's own client, for calls without a method here.
func (s *Solver) Gateway() gateway.Client { return s.build().gateway }

// Marshal is the definition of st for a platform. The states of a session share their operations, and llb changes an operation while it marshals
// it, so that every state of the session must be marshalled here.
func (s *Solver) Marshal(ctx context.Context, st llb.State, p ocispecs.Platform) (*llb.Definition, error) {
	s.marshals.Lock()
	defer s.marshals.Unlock()
	return st.Marshal(ctx, llb.Platform(p))
}

// Unlocked calls do within a Marshal, for an output that marshals or solves other states before it is known.
func (s *Solver) Unlocked(do func()) {
	s.marshals.Unlock()
	defer s.marshals.Lock()
	do()
}

// Solve makes sure that st exists in BuildKit and returns a reference to it. A state without any operation (scratch) gives nil.
// A second call with an equal state costs no request; a failure is not remembered.
func (s *Solver) Solve(ctx context.Context, st llb.State) (gateway.Reference, error) {
	if st.Output() == nil {
		return nil, nil
	}
	def, err := s.Marshal(ctx, st, s.Platform())
	if err != nil {
		return nil, err
	}
	key, err := def.Head()
	if err != nil {
		return nil, err
	}
	// The head op's digest covers all its inputs; the last, empty op holds the index of its output.
	if n := len(def.Def); n > 0 {
		key = digest.FromBytes(def.Def[n-1]) + key
	}
	b := s.build()
	solved, ok := b.known(key)
	if !ok {
		if solved, err = s.ask(ctx, b, def.ToPB()); err != nil {
			return nil, err
		}
		b.keep(key, solved)
	}
	s.cache.note(ctx, key, solved.def)
	return solved.ref, nil
}

// ask has BuildKit do the work. It asks again if the answer is the failure of an earlier command.
func (s *Solver) ask(ctx context.Context, b *build, def *pb.Definition) (solved, error) {
	for {
		pbd, err := s.definition(def)
		if err != nil {
			return solved{}, err
		}
		res, err := b.gateway.Solve(ctx, gateway.SolveRequest{Definition: pbd, Evaluate: true, CacheImports: s.cache.imports(ctx)})
		if err == nil {
			ref, err := res.SingleRef()
			return solved{pbd, ref}, err
		}
		if ctx.Err() != nil || !s.noteFailure(pbd, err) {
			return solved{}, s.stoppedIn(b, err)
		}
	}
}

// reference is the result of a definition.
func (s *Solver) reference(ctx context.Context, def *pb.Definition) (gateway.Reference, error) {
	got, err := s.ask(ctx, s.build(), def)
	return got.ref, err
}

// noteFailure records the command that failed, and reports whether that was an earlier one, so that the requested commands did not run.
func (s *Solver) noteFailure(asked *pb.Definition, err error) (earlier bool) {
	var vertex *errdefs.VertexError
	failure, isExec := s.Failed(err)
	if !isExec || !errors.As(err, &vertex) {
		return false
	}
	return s.retries.note(asked, digest.Digest(vertex.GetDigest()), failure.Exec)
}

// aliveTime is how long the daemon may take to answer whether it is still there.
const aliveTime = 2 * time.Second

// stopped returns the error for a daemon that ended, for a session that ended, or for a file that changed while it was sent, if that is the reason
// of err.
func (s *Solver) stopped(err error) error { return s.stoppedIn(s.build(), err) }

func (s *Solver) stoppedIn(b *build, err error) error {
	select {
	case <-b.closed:
		if b.err != nil && !errors.Is(b.err, errClosed) {
			return lost(b.err)
		}
		return errClosed
	default:
	}
	// The end of a transfer cancels the build, and BuildKit returns whichever of the two errors it got first.
	if failed := s.locals.failure(); failed != nil && grpcerrors.Code(err) == codes.Canceled {
		return failed
	}
	// A registry may be unavailable as well.
	if grpcerrors.Code(err) == codes.Unavailable && !s.alive() {
		return lost(err)
	}
	return err
}

func lost(err error) error { return fmt.Errorf("the connection to BuildKit was lost: %w", err) }

func (s *Solver) alive() bool {
	ctx, cancel := context.WithTimeout(context.Background(), aliveTime)
	defer cancel()
	_, err := s.client.Info(ctx)
	return err == nil
}

// Image is a registry's answer for a reference: the digest of the image or index, and the config of the image for one platform.
type Image struct {
	Digest digest.Digest
	Config []byte
}

// ResolveImage asks the registry for the image of ref for platform p.
func (s *Solver) ResolveImage(ctx context.Context, ref string, p ocispecs.Platform) (Image, error) {
	_, dgst, config, err := s.Gateway().ResolveImageConfig(ctx, ref, sourceresolver.Opt{
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &p, ResolveMode: llb.ResolveModeDefault.String()},
	})
	if err != nil {
		return Image{}, s.stopped(err)
	}
	return Image{Digest: dgst, Config: config}, nil
}
