// Package daemon provides the BuildKit daemon of the embedded engine: the one that $BUILDKIT_HOST names, or its own daemon. It builds its own
// daemon from a pinned module on first use, and starts, finds, prunes and stops it.
//
// All files of its own daemon are in one folder, Options.StateDir:
//
//	bin/    built programs: buildkitd, and runc, rootlesskit and usernet if needed; named by content
//	root/   BuildKit's cache
//	run/    socket, settings, and the link to the OCI runtime
//	tmp/    BuildKit's temporary files
//	log/    output of the daemon
//	lock    held while the daemon is built, started or stopped
//
// Only the socket shows that a daemon is running: its peer is the process, and the worker's labels hold the settings that it was started with. So
// there is no pid file that could be stale.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/ssh" // addresses ssh://
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/sessionconn"
)

// StartLabel is the worker label whose value differs at each start of our daemon.
const StartLabel = "me.eblu.ops.blumeops.start"

// DefaultCacheBytes is the size beyond which the cache is collected by default.
const DefaultCacheBytes = 20_000_000_000

// ErrNoRuntime says that RUN and withExec cannot work. Builds that run no command still work.
var ErrNoRuntime = errors.New("no OCI runtime that BuildKit can use (runc, or crun from 1.15 on), which steps that run a command require: apt-get install runc")

// ErrNoSubIDs says why an ordinary user's engine cannot run commands: BuildKit's containers need more users than one.
var ErrNoSubIDs = errors.New("steps that run a command, and images whose files belong to several users, require subordinate ids, which this user does not have: " +
	"ask an administrator to install uidmap and to add them (apt-get install uidmap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER)")

// ErrNotLinux says that the embedded engine does not run on this system.
var ErrNotLinux = errors.New("the embedded engine runs on Linux: start Docker, or set BUILDKIT_HOST to a BuildKit daemon elsewhere")

// Options are the folder and the settings of the daemon. A change of settings restarts it when no build is running.
type Options struct {
	StateDir   string // absolute; shared by all clones of one user
	ModulesDir string // sources of the programs, as in the folder "modules" of this package; "" is the embedded archive

	CacheBytes int64               // 0: DefaultCacheBytes
	Registries map[string]Registry // by host, as in an image reference ("docker.io")
	CAFile     string              // PEM, of authorities that are trusted for every registry, in addition to the system's; "" for none

	Builder string // address of a daemon that somebody else runs, in place of $BUILDKIT_HOST: tcp://, unix:// or ssh://

	Getenv func(string) string // the environment: BUILDKIT_HOST and its TLS settings, PATH, HOME, proxies
	Log    func(string)        // one line of progress each; nil: silent
}

// Registry is how the daemon reaches one registry host.
type Registry struct {
	Mirrors   []string // hosts, or host/path, that are tried first
	PlainHTTP bool     // speaks HTTP
}

// Daemon is a BuildKit daemon that answers.
type Daemon struct {
	Address  string // unix:///… or tcp://…
	Version  string // of BuildKit, such as v0.33.1
	Runtime  string // path of the OCI runtime, "remote" for a named daemon; empty: none, see RuntimeError
	External bool   // named by $BUILDKIT_HOST or Options.Builder: never stopped by us

	platforms []ocispecs.Platform // of a named daemon
	noRuntime error
	dialOpts  []client.ClientOpt
}

// RuntimeError is nil if steps can run, otherwise the error that a step would fail with: ErrNoRuntime or ErrNoSubIDs.
func (d *Daemon) RuntimeError() error {
	if d.Runtime != "" {
		return nil
	}
	return d.noRuntime
}

// Client connects. The caller closes it.
func (d *Daemon) Client(ctx context.Context) (*client.Client, error) {
	var c *client.Client
	dial := sessionconn.Dialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
		return c.Dialer()(ctx, proto, meta)
	})
	c, err := client.New(ctx, d.Address, append(slices.Clone(d.dialOpts), client.WithSessionDialer(dial))...)
	if err != nil {
		return nil, fmt.Errorf("connect to BuildKit at %s: %w", d.Address, err)
	}
	return c, nil
}

// Status is the output of engine:status.
type Status struct {
	Running    bool      `json:"running"`
	External   bool      `json:"external"` // named by $BUILDKIT_HOST
	Address    string    `json:"address"`
	Version    string    `json:"version"` // of BuildKit
	PID        int       `json:"pid"`     // 0 for an external daemon
	Since      time.Time `json:"since"`
	Root       string    `json:"root"`    // folder of the cache
	Log        string    `json:"log"`     // file
	Runtime    string    `json:"runtime"` // path of the OCI runtime; empty: none
	Rootless   bool      `json:"rootless"`
	Snapshots  string    `json:"snapshots"`  // "overlayfs", or "native" if the file system does not support it
	CacheUsed  int64     `json:"cacheUsed"`  // bytes
	CacheLimit int64     `json:"cacheLimit"` // bytes

	Daemon *Daemon `json:"-"` // a named daemon; nil for our own
}

// Ensure returns a daemon that answers: the one that $BUILDKIT_HOST names, otherwise our own, which it builds and starts if necessary.
func Ensure(ctx context.Context, opts Options) (*Daemon, error) {
	opts = opts.withDefaults()
	if n, ok := opts.named(); ok {
		return dialNamed(ctx, n, opts.Getenv)
	}
	return ensureOwn(ctx, opts)
}

// Find looks for a daemon and changes nothing. A daemon that is not running is not an error: see Status.Running.
func Find(ctx context.Context, opts Options) (*Status, error) {
	opts = opts.withDefaults()
	if n, ok := opts.named(); ok {
		return findNamed(ctx, n, opts.Getenv)
	}
	return findOwn(ctx, opts)
}

// Down stops our own daemon, with all of its processes and mounts; the cache stays. It does not touch a named daemon. A daemon that is not
// running is not an error.
func Down(ctx context.Context, opts Options) error {
	return downOwn(ctx, opts.withDefaults())
}

// Prune frees the cache that no build uses at the moment, with all also BuildKit's own records (frontends, cached sources), and returns the
// number of bytes. If the daemon is not running, all removes the whole cache folder, which needs no free disk; without all the daemon is started.
func Prune(ctx context.Context, opts Options, all bool) (freed int64, err error) {
	opts = opts.withDefaults()
	if all && opts.Getenv("BUILDKIT_HOST") == "" {
		if freed, done, err := pruneStopped(ctx, opts); done || err != nil {
			return freed, err
		}
	}
	d, err := Ensure(ctx, opts)
	if err != nil {
		return 0, err
	}
	return pruneRunning(ctx, d, all)
}

func pruneRunning(ctx context.Context, d *Daemon, all bool) (freed int64, err error) {
	c, err := d.Client(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	removed := make(chan client.UsageInfo)
	done := make(chan error, 1)
	go func() {
		var how []client.PruneOption
		if all {
			how = append(how, client.PruneAll)
		}
		done <- c.Prune(ctx, removed, how...)
		close(removed)
	}()
	for info := range removed {
		freed += info.Size
	}
	return freed, <-done
}

func (o Options) withDefaults() Options {
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	return o
}

func (o Options) logf(format string, args ...any) { o.Log(fmt.Sprintf(format, args...)) }
