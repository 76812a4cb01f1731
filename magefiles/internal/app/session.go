package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/content"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
)

// session is the one session with an engine that a run has, if it needs one.
type session struct {
	mu   sync.Mutex // several containers may be built at once
	open *engine.Session
	kept []func() // what is released after the session
	// suits returns the reason why the engine cannot do what was requested. nil: nothing depends on the engine.
	suits func(engine.Choice) error
	// silent says that the engine stopped answering.
	silent atomic.Bool
}

// saveCache writes the entries of the cache in a registry that the session used.
func (s *session) saveCache(ctx context.Context) {
	if open := s.opened(); open != nil {
		open.SaveCache(ctx)
	}
}

// whileAnswering does something on the open session until it is done, or until the engine stops answering for that long: *engine.SilentError.
func (s *session) whileAnswering(ctx context.Context, silence time.Duration, do func(context.Context) error) error {
	open := s.opened()
	if open == nil {
		return do(ctx)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		if err := open.Watch(ctx, silence); err != nil {
			s.silent.Store(true)
			end(err)
		}
	}()
	err := do(ctx)
	var silent *engine.SilentError
	if err != nil && errors.As(context.Cause(ctx), &silent) {
		return silent
	}
	return err
}

// sessions are those with builders, by address.
type sessions struct {
	mu  sync.Mutex
	all map[string]*session
}

// at is the session with a builder, which may not be open yet.
func (s *sessions) at(address string, suits func(engine.Choice) error) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*session{}
	}
	if s.all[address] == nil {
		s.all[address] = &session{suits: suits}
	}
	return s.all[address]
}

// saveCache writes the entries of the cache in a registry that the sessions used. A builder that does not answer writes nothing, which no build
// needs to know.
func (s *sessions) saveCache(ctx context.Context, silence time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, address := range slices.Sorted(maps.Keys(s.all)) {
		one := s.all[address]
		if one.silent.Load() {
			continue
		}
		_ = one.whileAnswering(ctx, silence, func(ctx context.Context) error {
			one.saveCache(ctx)
			return nil
		})
	}
}

// close ends the sessions, all at the same time. A builder that was lost does not close, which is no error: the build has said it.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var closing sync.WaitGroup
	for _, one := range s.all {
		closing.Go(func() { _ = one.close() })
	}
	closing.Wait()
	s.all = nil
}

// connect opens the session, which close closes.
func (s *session) connect(ctx context.Context, opts engine.Options) (*pipeline.Client, error) {
	open, err := s.session(ctx, opts)
	if err != nil {
		return nil, err
	}
	return open.Client, nil
}

// session is connect, with all that is known of the engine.
func (s *session) session(ctx context.Context, opts engine.Options) (*engine.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		open, err := engine.Connect(ctx, opts)
		if err != nil {
			return nil, err
		}
		if err := s.check(open.Choice); err != nil {
			return nil, errors.Join(err, open.Close())
		}
		s.open = open
	}
	return s.open, nil
}

// opened is the session, or nil if it is not open.
func (s *session) opened() *engine.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *session) check(choice engine.Choice) error {
	if s.suits == nil {
		return nil
	}
	return s.suits(choice)
}

// choice is the engine that the session is with; "" before there is one.
func (s *session) choice() engine.Choice {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return ""
	}
	return s.open.Choice
}

// copies are made for Dagger, which compares files by size and time. The embedded engine compares contents.
func (s *session) copies(cache string) *content.Store {
	if s.choice() == engine.Embedded {
		return nil
	}
	return &content.Store{Dir: filepath.Join(cache, "sent")}
}

// keep has something released once the session is over: the engine may read it until then.
func (s *session) keep(release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, release)
}

// closeTime bounds the end of a session: after a signal everything is over in 5 s.
const closeTime = 4 * time.Second

// close ends the session, and releases what was kept for it. It may be called again.
func (s *session) close() error {
	err := s.end()
	for _, release := range s.kept {
		release()
	}
	s.kept = nil
	return err
}

func (s *session) end() error {
	open := s.open
	if s.open = nil; open == nil {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- open.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeTime):
		return fmt.Errorf("the session with the engine did not close within %s", closeTime)
	}
}
