// Package solver sends the embedded engine's work to BuildKit: it solves LLB, reads results, and exports them.
//
// One Solver is one BuildKit build that stays open for the life of an engine session, so that all its solves share
// one BuildKit session (host directories, secrets, registry credentials) and one stream of progress.
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
	sessioncontent "github.com/moby/buildkit/session/content"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/entitlements"
	"github.com/moby/buildkit/util/grpcerrors"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // BuildKit's codec, as in buildctl: names of files may hold any bytes
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"
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
}

// ImportStore is the name by which LLB finds the content of ImportDir.
const ImportStore = "import"

// Solver solves, reads and exports LLB on one BuildKit daemon. It is safe for concurrent use.
type Solver struct {
	client   *client.Client
	gateway  gateway.Client
	opts     Options
	locals   *locals
	sockets  *sockets
	imports  content.Store
	progress *progress
	retries  *retries

	marshals sync.Mutex // held while llb marshals

	mu   sync.Mutex
	refs map[digest.Digest]gateway.Reference

	cancel context.CancelCauseFunc
	closed chan struct{}
	err    error // of the long build; read after closed
}

var errClosed = errors.New("the engine session is closed")

// Open starts the build that all later calls are part of. The daemon behind c must stay reachable until Close.
func Open(ctx context.Context, c *client.Client, opts Options) (*Solver, error) {
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &Solver{
		client: c, opts: opts, locals: newLocals(), sockets: &sockets{paths: map[string]string{}}, progress: newProgress(opts.Events), retries: newRetries(),
		refs: map[digest.Digest]gateway.Reference{}, cancel: cancel, closed: make(chan struct{}),
	}
	if opts.ImportDir != "" {
		log.SetLevel("error") // its own level; the content store warns on stderr about missing features of the file system
		store, err := contentlocal.NewStore(opts.ImportDir)
		if err != nil {
			cancel(err)
			return nil, err
		}
		s.imports = store
	}
	started := make(chan gateway.Client, 1)
	go func() {
		defer close(s.closed)
		_, s.err = c.Build(run, client.SolveOpt{Session: s.attachables(), AllowedEntitlements: s.entitlements()}, "", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
			started <- gw
			<-run.Done()
			return nil, context.Cause(run)
		}, s.progress.follow())
	}()
	select {
	case s.gateway = <-started:
		return s, nil
	case <-s.closed:
		return nil, fmt.Errorf("open a BuildKit session: %w", s.err)
	case <-ctx.Done():
		cancel(ctx.Err())
		return nil, ctx.Err()
	}
}

// entitlements are the rights that the build requests from the daemon.
func (s *Solver) entitlements() []string {
	if s.opts.Insecure {
		return []string{entitlements.EntitlementSecurityInsecure.String()}
	}
	return nil
}

func (s *Solver) attachables() []session.Attachable {
	a := []session.Attachable{newSender(s.locals), s.sockets}
	if s.opts.Secret != nil {
		a = append(a, secretsprovider.NewSecretProvider(secretStore(s.opts.Secret)))
	}
	if s.opts.Auth != nil {
		a = append(a, s.opts.Auth)
	}
	if s.imports != nil {
		a = append(a, sessioncontent.NewAttachable(map[string]content.Store{"oci:" + ImportStore: s.imports}))
	}
	return a
}

type secretStore func(ctx context.Context, id string) ([]byte, error)

func (f secretStore) GetSecret(ctx context.Context, id string) ([]byte, error) { return f(ctx, id) }

// Close ends the session. Running requests are stopped.
func (s *Solver) Close() error {
	s.cancel(errClosed)
	<-s.closed
	s.progress.wait()
	return nil
}

// SessionID is the BuildKit session that host directories are read through.
func (s *Solver) SessionID() string { return s.gateway.BuildOpts().SessionID }

// Platform is the platform that the daemon runs on.
func (s *Solver) Platform() ocispecs.Platform {
	for _, w := range s.gateway.BuildOpts().Workers {
		if len(w.Platforms) > 0 {
			return platforms.Normalize(w.Platforms[0])
		}
	}
	return platforms.DefaultSpec()
}

// Gateway is the build's own client, for calls without a method here.
func (s *Solver) Gateway() gateway.Client { return s.gateway }

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
	s.mu.Lock()
	ref, ok := s.refs[key]
	s.mu.Unlock()
	if ok {
		return ref, nil
	}
	if ref, err = s.run(ctx, def.ToPB()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.refs[key] = ref
	s.mu.Unlock()
	return ref, nil
}

// run has BuildKit do the work. It asks again if the answer is the failure of an earlier command.
func (s *Solver) run(ctx context.Context, def *pb.Definition) (gateway.Reference, error) {
	for {
		pbd, err := s.definition(def)
		if err != nil {
			return nil, err
		}
		res, err := s.gateway.Solve(ctx, gateway.SolveRequest{Definition: pbd, Evaluate: true})
		if err == nil {
			return res.SingleRef()
		}
		if ctx.Err() != nil || !s.noteFailure(pbd, err) {
			return nil, s.stopped(err)
		}
	}
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
func (s *Solver) stopped(err error) error {
	select {
	case <-s.closed:
		if s.err != nil && !errors.Is(s.err, errClosed) {
			return lost(s.err)
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
	_, dgst, config, err := s.gateway.ResolveImageConfig(ctx, ref, sourceresolver.Opt{
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &p, ResolveMode: llb.ResolveModeDefault.String()},
	})
	if err != nil {
		return Image{}, s.stopped(err)
	}
	return Image{Digest: dgst, Config: config}, nil
}
