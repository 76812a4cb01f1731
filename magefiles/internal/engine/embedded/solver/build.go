package solver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// build is a build of BuildKit that stays open. It remembers each result, and each failure.
type build struct {
	gateway gateway.Client
	cached  bool // it may have results of the cache in the registry
	cancel  context.CancelCauseFunc
	closed  chan struct{}
	err     error // read after closed

	mu   sync.Mutex
	refs map[digest.Digest]solved
}

// solved is a definition as BuildKit solved it, and the result.
type solved struct {
	def *pb.Definition
	ref gateway.Reference
}

// begin opens a build in the session.
func (s *Solver) begin(ctx context.Context) (*build, error) {
	run, cancel := context.WithCancelCause(s.life)
	b := &build{cached: s.cache.usable(), cancel: cancel, closed: make(chan struct{}), refs: map[digest.Digest]solved{}}
	started := make(chan gateway.Client, 1)
	opt := client.SolveOpt{SharedSession: s.session, SessionPreInitialized: true, AllowedEntitlements: s.entitlements()}
	go func() {
		defer close(b.closed)
		_, b.err = s.client.Build(run, opt, "", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
			started <- gw
			<-run.Done()
			return nil, context.Cause(run)
		}, s.progress.follow())
	}()
	select {
	case b.gateway = <-started:
		return b, nil
	case <-b.closed:
		return nil, fmt.Errorf("open a BuildKit session: %w", b.err)
	case <-ctx.Done():
		cancel(ctx.Err())
		return nil, ctx.Err()
	}
}

// build is the current build.
func (s *Solver) build() *build {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

func (b *build) known(key digest.Digest) (solved, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.refs[key]
	return r, ok
}

func (b *build) keep(key digest.Digest, r solved) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refs[key] = r
}

// Build identifies the current build.
type Build struct{ b *build }

// Build returns the current build.
func (s *Solver) Build() Build { return Build{s.build()} }

var errReplaced = errors.New("the build continues without the cache in the registry")

// Replaced reports whether what failed in a build should be requested again: the cache in the registry failed, and another build, which does not
// use it, has taken the place of that one. An open build has the results of the cache whose files can no longer be read, so that it must end.
func (s *Solver) Replaced(ctx context.Context, failed Build) bool {
	if !failed.b.cached || s.cache.usable() || ctx.Err() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != failed.b {
		return true
	}
	if s.life.Err() != nil {
		return false
	}
	s.current.cancel(errReplaced)
	<-s.current.closed
	next, err := s.begin(ctx)
	if err != nil {
		return false
	}
	s.current = next
	return true
}
