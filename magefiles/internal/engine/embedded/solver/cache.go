package solver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/remotecache"
)

// Cache is the cache of steps in a registry.
type Cache struct {
	// Remote is the repository.
	Remote remotecache.Remote
	// Dir is an existing folder for temporary files.
	Dir string
	// Warn receives the first failure of the cache. A build continues without it.
	Warn func(error)
}

type entryKey struct{}

// WithEntry makes requests use an entry of the cache in the registry. Requests without an entry do not use that cache.
func WithEntry(ctx context.Context, tag string) context.Context {
	return context.WithValue(ctx, entryKey{}, tag)
}

// loadTime is the limit for reading the list of steps of an entry.
const loadTime = 15 * time.Second

// entries are the entries of the cache that a session uses. A nil pointer is no cache.
type entries struct {
	Cache
	store *remotecache.Store

	mu     sync.Mutex
	byTag  map[string]*entry
	warned bool
	off    bool // nothing is read any more
}

// entry is one tag.
type entry struct {
	load    sync.Once
	imports []gateway.CacheOptionsEntry

	solved map[digest.Digest]*pb.Definition // what BuildKit solved for it, by the key of the request
}

func newEntries(c *Cache) *entries {
	if c == nil {
		return nil
	}
	return &entries{Cache: *c, store: remotecache.New(c.Remote, c.Dir), byTag: map[string]*entry{}}
}

func (e *entries) close() {
	if e != nil {
		e.store.Close()
	}
}

func (e *entries) of(ctx context.Context) (tag string, _ *entry) {
	tag, ok := ctx.Value(entryKey{}).(string)
	if e == nil || !ok {
		return "", nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byTag[tag] == nil {
		e.byTag[tag] = &entry{solved: map[digest.Digest]*pb.Definition{}}
	}
	return tag, e.byTag[tag]
}

// usable reports whether the cache can be read.
func (e *entries) usable() bool {
	if e == nil {
		return false
	}
	if err := e.store.Err(); err != nil {
		e.fail(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.off
}

// fail stops all reading.
func (e *entries) fail(err error) {
	e.mu.Lock()
	e.off = true
	e.mu.Unlock()
	e.warn(fmt.Errorf("read: %w", err))
}

func (e *entries) warn(err error) {
	e.mu.Lock()
	first := !e.warned
	e.warned = true
	e.mu.Unlock()
	if first {
		e.Warn(err)
	}
}

// imports are the entries that a request of BuildKit reads.
func (e *entries) imports(ctx context.Context) []gateway.CacheOptionsEntry {
	tag, of := e.of(ctx)
	if of == nil || !e.usable() {
		return nil
	}
	of.load.Do(func() {
		ctx, cancel := context.WithTimeoutCause(ctx, loadTime, fmt.Errorf("no complete answer within %s", loadTime))
		defer cancel()
		found, ok, err := e.store.Load(ctx, tag)
		switch {
		case errors.Is(err, remotecache.ErrDamaged):
			e.warn(fmt.Errorf("read %s:%s: %w", e.Remote.Name(), tag, err))
		case err != nil:
			e.fail(err)
		case ok:
			of.imports = []gateway.CacheOptionsEntry{{Type: "local", Attrs: map[string]string{"src": e.Dir, "digest": found.String()}}}
		}
	})
	return of.imports
}

// note records what BuildKit solved for an entry.
func (e *entries) note(ctx context.Context, key digest.Digest, def *pb.Definition) {
	_, of := e.of(ctx)
	if of == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	of.solved[key] = def
}

// tags are the entries that were used.
func (e *entries) tags() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.byTag))
}

func (e *entries) definitions(tag string) []*pb.Definition {
	e.mu.Lock()
	defer e.mu.Unlock()
	of := e.byTag[tag]
	var out []*pb.Definition
	for _, key := range slices.Sorted(maps.Keys(of.solved)) {
		out = append(out, of.solved[key])
	}
	return out
}

// saveTime is the limit for writing one entry.
const saveTime = 10 * time.Minute

// SaveCache writes the entries that the session used: the results of all steps that were requested, and of those that they are based on. The first
// failure is a warning, and ends it.
func (s *Solver) SaveCache(ctx context.Context) {
	if !s.cache.usable() {
		return
	}
	for _, tag := range s.cache.tags() {
		if err := s.saveEntry(ctx, tag); err != nil {
			if ctx.Err() == nil {
				s.cache.warn(fmt.Errorf("write: %w", err))
			}
			return
		}
	}
}

// manifestKey is the part of BuildKit's answer that describes the manifest of an exported cache.
const manifestKey = "cache.manifest"

func (s *Solver) saveEntry(ctx context.Context, tag string) error {
	definitions := s.cache.definitions(tag)
	if len(definitions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, saveTime, fmt.Errorf("%s:%s was not complete within %s", s.cache.Remote.Name(), tag, saveTime))
	defer cancel()
	if err := os.MkdirAll(s.cache.Dir, 0o700); err != nil {
		return err
	}
	opt := client.SolveOpt{
		SharedSession: s.session, SessionPreInitialized: true, AllowedEntitlements: s.entitlements(),
		CacheExports: []client.CacheOptionsEntry{{Type: "local", Attrs: map[string]string{
			"dest": s.cache.Dir, "mode": "max", "oci-mediatypes": "true", "image-manifest": "true",
		}}},
	}
	res, err := s.client.Build(ctx, opt, "", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		return s.results(ctx, gw, definitions)
	}, s.progress.follow())
	if err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return cmp.Or(s.cache.store.WriteErr(), s.stopped(err))
	}
	described := res.ExporterResponse[manifestKey]
	if described == "" {
		return nil // no step has files
	}
	var manifest ocispecs.Descriptor
	if err := json.Unmarshal([]byte(described), &manifest); err != nil {
		return err
	}
	_, err = s.cache.store.Save(ctx, tag, manifest.Digest)
	return err
}

// results has all definitions as one result. BuildKit requires a platform for each of several results, and does not use it for the cache.
func (s *Solver) results(ctx context.Context, gw gateway.Client, definitions []*pb.Definition) (*gateway.Result, error) {
	all := gateway.NewResult()
	var index exptypes.Platforms
	for i, def := range definitions {
		res, err := gw.Solve(ctx, gateway.SolveRequest{Definition: def})
		if err != nil {
			return nil, err
		}
		ref, err := res.SingleRef()
		if err != nil {
			return nil, err
		}
		id := strconv.Itoa(i)
		all.AddRef(id, ref)
		index.Platforms = append(index.Platforms, exptypes.Platform{ID: id, Platform: s.Platform()})
	}
	b, err := json.Marshal(index)
	all.AddMeta(exptypes.ExporterPlatformsKey, b)
	return all, err
}
