// Package embedded answers the Dagger API in this process and has BuildKit do the work.
//
// It has eight subpackages: schema (the queries that are valid), gql (their execution), objects (the fields), solver (the requests to BuildKit),
// remotecache (the cache of steps in a registry), gitremote (git on the host), execinit (process 1 inside an exec) and statefolder (what a failed exec left, on the host). This package combines them into a session, and into the connection that the Go SDK takes.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/client"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gitremote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/objects"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/remotecache"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/schema"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// Options are the settings of a session.
type Options struct {
	// Workdir is where relative host paths start, absolute.
	Workdir string
	// StateDir is a permanent folder outside the checkout: it holds the compiled exec init and the key for secret ids.
	StateDir string
	// LookupEnv reads the host's environment, for env:// secrets and for the go command.
	LookupEnv func(string) (string, bool)
	// CAFile is a PEM file with authorities that git trusts in addition to the machine's; "" for none.
	CAFile string
	// CanExec returns the reason why no command can run in containers; nil, or a nil error, if commands can run.
	CanExec func() error
	// Insecure allows commands to have all rights of root on the machine, if they request them. The daemon must allow it too.
	Insecure bool
	// Events receives the events of each step; nil for nobody. It must not block.
	Events func(Event)
	// Screen opens the terminal of the user; nil if there is none.
	Screen OpenScreen
	// Inspect opens a shell in the state of each step that fails. It requires Screen.
	Inspect bool
	// Keep leaves the state of each step that fails in a folder; nil for no folder. It belongs to one session.
	Keep *Keep
	// Shell returns a folder with a static shell and its tools in bin, for root file systems without a shell.
	Shell func(context.Context) (dir string, err error)
	// Log receives a line before each slow operation that is done once; nil for nobody.
	Log func(string)
	// Cache is the cache in a registry; nil for none.
	Cache *Cache
}

// Cache is a cache of steps in a registry, for requests with an entry.
type Cache struct {
	// Remote is the repository in the registry.
	Remote remotecache.Remote
	// Warn receives the first failure of the cache. Builds continue without it.
	Warn func(error)
}

// WithEntry makes requests with the context use an entry of the cache in the registry: a tag.
func WithEntry(ctx context.Context, tag string) context.Context { return solver.WithEntry(ctx, tag) }

// Event is an event of a step while BuildKit works.
type Event = solver.Event

// These give the terminal of the user to a command.
type (
	OpenScreen = solver.OpenScreen
	Screen     = solver.Screen
	Streams    = solver.Streams
	Size       = solver.Size
)

// Keep says where the state of a failed step is left.
type Keep = objects.Keep

// Session is an open session. It is an http.Handler that answers the API.
type Session struct {
	http.Handler
	solver *solver.Solver
	client *client.Client
	temp   scratch.Dir

	services *objects.Services
	keep     *Keep
}

// Open starts a session on the daemon that c is connected to. Close also closes c.
func Open(ctx context.Context, c *client.Client, opts Options) (*Session, error) {
	temp, err := scratch.Make("", "blumeops-engine-")
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, c, opts, temp)
	if err != nil {
		return nil, errors.Join(err, temp.Remove(), c.Close())
	}
	return s, nil
}

func open(ctx context.Context, c *client.Client, opts Options, temp scratch.Dir) (*Session, error) {
	key, err := secretKey(opts.StateDir)
	if err != nil {
		return nil, err
	}
	secrets := &objects.Secrets{Key: key}
	services := objects.NewServices()
	auth := &objects.RegistryAuth{Fallback: dockerConfig}
	cache, err := opts.Cache.in(filepath.Join(temp.Path, "cache"))
	if err != nil {
		return nil, err
	}
	sv, err := solver.Open(ctx, c, solver.Options{
		Secret: secretsOf(services, secrets), Auth: auth.Attachable(), ImportDir: filepath.Join(temp.Path, solver.ImportStore), Events: opts.Events,
		Insecure: opts.Insecure, Cache: cache,
	})
	if err != nil {
		return nil, err
	}
	env := &objects.Env{
		Solver: sv, Workdir: opts.Workdir, Version: schema.Version, CanExec: opts.CanExec, Insecure: opts.Insecure, Secrets: secrets, Auth: auth, Services: services,
		LookupEnv: opts.LookupEnv, TempDir: temp.Path, StateDir: opts.StateDir,
		Screen: opts.Screen, Inspect: opts.Inspect, Keep: opts.Keep, Shell: opts.Shell, Log: opts.Log,
	}
	if opts.CAFile != "" {
		env.Authorities = filepath.Join(temp.Path, "authorities.pem")
		if err := gitremote.WriteAuthorities(env.Authorities, opts.CAFile); err != nil {
			return nil, errors.Join(err, sv.Close())
		}
	}
	env.Init = initBuilder{opts: opts, platform: sv.Platform()}.path
	server := gql.New(schema.Load(), objects.Resolvers(), &objects.Query{Env: env})
	server.OnPanic = opts.Log
	return &Session{Handler: opts.Cache.handler(sv, server), solver: sv, client: c, temp: temp, services: services, keep: opts.Keep}, nil
}

// secretsOf answers BuildKit's requests for secrets: the addresses of a step's services, which are started then, and the secrets of the user.
func secretsOf(services *objects.Services, secrets *objects.Secrets) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, id string) ([]byte, error) {
		if value, ok, err := services.Secret(ctx, id); ok {
			return value, err
		}
		return secrets.Get(ctx, id)
	}
}

// dockerConfig returns the credentials for a registry from the Docker configuration or its helper.
func dockerConfig(host string) (types.AuthConfig, error) {
	cfg, err := config.Load(config.Dir())
	if err != nil {
		return types.AuthConfig{}, fmt.Errorf("read the Docker configuration: %w", err)
	}
	if host == "registry-1.docker.io" {
		host = "https://index.docker.io/v1/"
	}
	return cfg.GetAuthConfig(host)
}

// Close ends the session: it stops services and running requests, and removes the session's files on the host.
func (s *Session) Close() error {
	err := errors.Join(s.services.Close(), s.solver.Close())
	s.keep.Wait()
	return errors.Join(err, s.client.Close(), s.temp.Remove())
}

// PruneGit removes the repositories that git fetched for sessions, except those in use, and returns the number of freed bytes.
func PruneGit(stateDir string) int64 { return objects.GitStore(stateDir).Prune() }
