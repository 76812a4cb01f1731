// Package engine chooses the engine that answers the Dagger API for a pipeline: the real Dagger if there is one, otherwise the embedded engine.
//
// Connect chooses, and reports the choice and its reason in one line. Package embedded answers the API itself, package daemon manages its
// BuildKit daemon, and Serve lets programs in other languages use it.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dagger.io/dagger"
	"dagger.io/dagger/engineconn"
	"github.com/moby/buildkit/client"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/daemon"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// Choice names the engine to use.
type Choice string

// The choices. Auto uses Dagger if a session, a runner or Docker is available, and the embedded engine otherwise.
const (
	Auto     Choice = "auto"
	Dagger   Choice = "dagger"
	Embedded Choice = "embedded"
)

// ParseChoice reads a choice; an empty one is Auto.
func ParseChoice(s string) (Choice, error) {
	switch c := Choice(s); c {
	case "":
		return Auto, nil
	case Auto, Dagger, Embedded:
		return c, nil
	}
	return "", fmt.Errorf("unknown engine %q: expected auto, dagger or embedded (BLUMEOPS_ENGINE, or the flag of the same name)", s)
}

// Event is an event of a step of the embedded engine; State is its kind.
type (
	Event = solver.Event
	State = solver.State
)

// The states of a step. Log and Progress come any number of times before its end.
const (
	Started  = solver.Started
	Cached   = solver.Cached
	Done     = solver.Done
	Failed   = solver.Failed
	Log      = solver.Log
	Progress = solver.Progress
)

// OpenScreen gives the terminal of the user to a command in a container; see package solver.
type (
	OpenScreen = embedded.OpenScreen
	Screen     = embedded.Screen
	Streams    = embedded.Streams
	Size       = embedded.Size
)

// Keep says where the embedded engine leaves the state of a failed step.
type Keep = embedded.Keep

// Cache is the cache of steps in a registry, for the embedded engine.
type Cache = embedded.Cache

// WithCacheEntry makes requests with the context use an entry of the cache in a registry: a tag. Only the embedded engine does.
func WithCacheEntry(ctx context.Context, tag string) context.Context {
	return embedded.WithEntry(ctx, tag)
}

// Registry says how to speak to one image registry.
type Registry = daemon.Registry

// Options are the settings of a connection.
type Options struct {
	Choice     Choice
	Builder    string              // address of the engine, in place of Choice: a BuildKit daemon, or a Dagger runner with the prefix dagger+; "" for none
	Workdir    string              // absolute: start of relative host paths, except in a Dagger session that is open already
	StateDir   string              // absolute, outside the checkout: see daemon.Options
	CacheBytes int64               // limit of the embedded engine's cache; 0 is its default
	Insecure   bool                // commands of the embedded engine may have all rights of root, if they request them
	Registries map[string]Registry // by host
	CAFile     string              // PEM, of authorities that the embedded engine trusts in addition to the system's; "" for none
	LookupEnv  func(string) (string, bool)
	Events     func(Event)                                   // of the embedded engine; nil for none
	Log        func(string)                                  // a line for people: builds that happen once, the chosen engine and why
	Screen     OpenScreen                                    // the terminal of the user, for the embedded engine; nil for none
	Inspect    bool                                          // a shell in each step that fails: only the embedded engine has it
	Keep       *Keep                                         // leaves the state of each step that fails in a folder, for one session: only the embedded engine does
	Shell      func(context.Context) (dir string, err error) // a folder with a static shell in bin; nil for none
	DaggerLog  io.Writer                                     // output of the real Dagger while it works; nil for none
	Cache      *Cache                                        // in a registry, for the embedded engine; nil for none
}

func (o Options) getenv(name string) string {
	v, _ := o.LookupEnv(name)
	return v
}

func (o Options) daemon() daemon.Options {
	return daemon.Options{
		Builder: o.Builder, StateDir: o.StateDir, CacheBytes: o.CacheBytes, Registries: o.Registries, CAFile: o.CAFile, Getenv: o.getenv, Log: o.Log,
	}
}

// Session is a connection to an engine.
type Session struct {
	Client *dagger.Client
	Choice Choice // Dagger or Embedded
	Why    string // in a few words

	embedded *embedded.Session // nil for Dagger
	daemon   *daemon.Daemon    // of the embedded engine
	ping     func(context.Context) error
}

// Close ends the session.
func (s *Session) Close() error { return s.Client.Close() }

// SaveCache writes the entries of the cache in a registry that the session used. A failure is a warning of the cache.
func (s *Session) SaveCache(ctx context.Context) {
	if s.embedded != nil {
		s.embedded.SaveCache(ctx)
	}
}

// Connect opens a session. It includes the cost of the setup: a first embedded session builds BuildKit.
func Connect(ctx context.Context, opts Options) (*Session, error) {
	if opts.Builder != "" {
		return connectBuilder(ctx, opts)
	}
	why, ok := daggerAvailable(ctx, opts)
	switch {
	case opts.Choice == Embedded:
		return connectEmbedded(ctx, opts, "requested")
	case opts.Choice == Dagger:
		return connectDagger(ctx, opts, "requested")
	case !ok:
		return connectEmbedded(ctx, opts, why)
	}
	s, err := connectDagger(ctx, opts, why)
	if err == nil || ctx.Err() != nil {
		return s, err
	}
	return connectEmbedded(ctx, opts, fmt.Sprintf("%s, but Dagger did not start: %s", why, firstLine(err.Error())))
}

func connectDagger(ctx context.Context, opts Options, why string) (*Session, error) {
	opts.Log("engine: Dagger (" + why + ")")
	if opts.Cache != nil {
		opts.Log("the cache in the registry is only for the embedded engine: Dagger has none that a client can set (since v0.21.0 its engine ignores _EXPERIMENTAL_DAGGER_CACHE_CONFIG)")
	}
	conn, err := dial(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("connect to Dagger: %w", err)
	}
	client, err := dagger.Connect(ctx, dagger.WithConn(watched{conn, opts}))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Session{Client: client, Choice: Dagger, Why: why}, nil
}

// patience is how long Dagger may take to connect before a message is logged, and the interval of the checks of its runner from then on.
const patience = 10 * time.Second

// dial connects to the open session of Dagger, or to one that it opens with the Dagger CLI.
func dial(ctx context.Context, opts Options) (engineconn.EngineConn, error) {
	err := checkDagger(ctx, opts)
	if isSlow(err) {
		opts.Log(err.Error() + "; waiting for it")
	} else if err != nil {
		return nil, err
	}
	if opts.getenv(sessionVariable) != "" {
		conn, _, err := engineconn.FromSessionEnv()
		return conn, err
	}
	program, err := cliProgram(ctx, opts)
	if err != nil {
		return nil, err
	}
	c, err := startCLI(program, opts)
	if err != nil {
		return nil, err
	}
	if err := c.connect(ctx, opts, patience); err != nil {
		c.kill()
		return nil, err
	}
	return c, nil
}

// runner is the name of the Dagger engine in the environment, for messages.
func (o Options) runner() string {
	if host := o.getenv(runnerVariable); host != "" {
		return " at " + host + " ($" + runnerVariable + ")"
	}
	return ""
}

func (o Options) daggerLog() io.Writer {
	if o.DaggerLog == nil {
		return io.Discard
	}
	return o.DaggerLog
}

func connectEmbedded(ctx context.Context, opts Options, why string) (*Session, error) {
	opts.Log("engine: embedded (" + why + ")")
	d, err := daemon.Ensure(ctx, opts.daemon())
	if err != nil {
		return nil, err
	}
	return openSession(ctx, d, opts, why)
}

// openSession opens a session of the embedded engine on a daemon.
func openSession(ctx context.Context, d *daemon.Daemon, opts Options, why string) (*Session, error) {
	s, c, err := openOn(ctx, d, opts)
	if err != nil {
		return nil, err
	}
	client, err := dagger.Connect(ctx, dagger.WithConn(embedded.NewConn(s)))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	ping := func(ctx context.Context) error {
		_, err := c.Info(ctx)
		return err
	}
	return &Session{Client: client, Choice: Embedded, Why: why, embedded: s, daemon: d, ping: ping}, nil
}

// open opens a session of the embedded engine on a running daemon, which it builds and starts if necessary.
func open(ctx context.Context, opts Options) (*embedded.Session, error) {
	d, err := daemon.Ensure(ctx, opts.daemon())
	if err != nil {
		return nil, err
	}
	s, _, err := openOn(ctx, d, opts)
	return s, err
}

// openOn also returns the client of the session, which closes it.
func openOn(ctx context.Context, d *daemon.Daemon, opts Options) (*embedded.Session, *client.Client, error) {
	c, err := d.Client(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := embedded.Open(ctx, c, embedded.Options{
		Workdir: opts.Workdir, StateDir: opts.StateDir, CAFile: opts.CAFile, LookupEnv: opts.LookupEnv,
		CanExec: d.RuntimeError, Insecure: opts.Insecure && !d.External && os.Geteuid() == 0, Events: opts.Events, Log: opts.Log, Screen: opts.Screen, Inspect: opts.Inspect, Keep: opts.Keep, Shell: opts.Shell, Cache: opts.Cache,
	})
	return s, c, err
}

// Status describes the embedded engine's daemon.
func Status(ctx context.Context, opts Options) (*daemon.Status, error) {
	return daemon.Find(ctx, opts.daemon())
}

// Up starts the embedded engine's daemon, and builds it first if necessary.
func Up(ctx context.Context, opts Options) (*daemon.Daemon, error) {
	return daemon.Ensure(ctx, opts.daemon())
}

// Down stops it.
func Down(ctx context.Context, opts Options) error { return daemon.Down(ctx, opts.daemon()) }

// Prune removes the unused part of its cache, with all also what git fetched, and returns the number of freed bytes.
func Prune(ctx context.Context, opts Options, all bool) (int64, error) {
	freed, err := daemon.Prune(ctx, opts.daemon(), all)
	if all {
		freed += embedded.PruneGit(opts.StateDir)
	}
	return freed, err
}
