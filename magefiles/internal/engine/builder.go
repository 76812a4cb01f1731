package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
)

// daggerPrefix marks the address of a builder that is a Dagger runner.
const daggerPrefix = "dagger+"

// connectBuilder opens a session with the engine that Options.Builder names, and with no other.
func connectBuilder(ctx context.Context, opts Options) (*Session, error) {
	if runner, ok := strings.CutPrefix(opts.Builder, daggerPrefix); ok {
		return connectDagger(ctx, opts.onRunner(runner), "builder "+opts.Builder)
	}
	d, err := daemon.Ensure(ctx, opts.daemon())
	if err != nil {
		return nil, err
	}
	opts.Log(fmt.Sprintf("engine: BuildKit %s (builder %s)", d.Version, opts.Builder))
	return openSession(ctx, d, opts, "builder "+opts.Builder)
}

// onRunner replaces the runner and the session that the environment names.
func (o Options) onRunner(address string) Options {
	lookup := o.LookupEnv
	o.LookupEnv = func(name string) (string, bool) {
		switch name {
		case runnerVariable:
			return address, true
		case sessionVariable, tokenVariable:
			return "", false
		}
		return lookup(name)
	}
	return o
}

// Version is the version of BuildKit; "" if it is not known.
func (s *Session) Version() string {
	if s.daemon == nil {
		return ""
	}
	return s.daemon.Version
}

// OtherVersion says that a builder has another version of BuildKit than this program has; "" for the same one, and if one of the two is not known.
func OtherVersion(version string) string {
	if own := daemon.Pinned(); version != "" && own != "" && own != version {
		return fmt.Sprintf("BuildKit %s, and this program is tested with %s: images may differ", version, own)
	}
	return ""
}

// Platforms returns the platforms that a builder reports, and whether it runs commands for one of them. For an engine that does not report its
// platforms, such as a Dagger runner, runs is true.
func (s *Session) Platforms(platform string) (reported []string, runs bool) {
	if s.daemon == nil || !s.daemon.External {
		return nil, true
	}
	return s.daemon.Platforms(), s.daemon.Runs(platform)
}

// Builds is the number of builds that run on the engine of a session, of all its users; 0 if it is not known.
func (s *Session) Builds(ctx context.Context) int {
	if s.daemon == nil {
		return 0
	}
	n, err := s.daemon.Builds(ctx)
	if err != nil {
		return 0
	}
	return n
}

// Builder is what is known of a builder.
type Builder struct {
	Version               string   // of BuildKit; "" for an engine of Dagger
	Platforms             []string // that it reports; nil for an engine of Dagger, which does not
	Runs                  bool     // commands of the requested platform
	CacheUsed, CacheLimit int64    // bytes
}

// LookAt asks the engine at Options.Builder what it is, and changes nothing.
func LookAt(ctx context.Context, opts Options, platform string) (Builder, error) {
	if runner, ok := strings.CutPrefix(opts.Builder, daggerPrefix); ok {
		return Builder{Runs: true}, checkDagger(ctx, opts.onRunner(runner))
	}
	status, err := daemon.Find(ctx, opts.daemon())
	if err != nil {
		return Builder{}, err
	}
	d := status.Daemon
	return Builder{d.Version, d.Platforms(), d.Runs(platform), status.CacheUsed, status.CacheLimit}, nil
}

// SilentError says that a builder stopped answering.
type SilentError struct{ After time.Duration }

func (e *SilentError) Error() string { return fmt.Sprintf("stopped answering for %s", e.After) }

// Hint says what to do.
func (e *SilentError) Hint() string {
	return "check that the machine is not overloaded, and its network; then run the command again"
}

// Watch asks a builder again and again whether it is still there. It returns a *SilentError if there was no answer for that long, and nil if ctx
// ends. The network may drop packets without an error, and a daemon may hang: without this, the build would wait for ever.
func (s *Session) Watch(ctx context.Context, patience time.Duration) error {
	if s.ping == nil {
		<-ctx.Done()
		return nil
	}
	for {
		asked, cancel := context.WithTimeout(ctx, patience)
		err := s.ping(asked)
		late := errors.Is(asked.Err(), context.DeadlineExceeded)
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && late {
			return &SilentError{patience}
		}
		select { // an error that comes at once is also that of the build, which explains it
		case <-time.After(patience / 4):
		case <-ctx.Done():
			return nil
		}
	}
}
