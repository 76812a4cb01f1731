package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// cache is the cache of builds in a registry; nil if the site has none.
func (a *App) cache() (*engine.Cache, error) {
	ref, ok, err := a.CacheRepository()
	if err != nil || !ok {
		return nil, console.BadInput(err)
	}
	writes, err := a.writesCache()
	if err != nil {
		return nil, console.BadInput(err)
	}
	return &engine.Cache{Remote: a.cacheRemote(ref, writes), Warn: a.warnOfCache}, nil
}

// warnOfCache says that builds continue without the cache.
func (a *App) warnOfCache(err error) {
	a.console.Warn("the cache in the registry is not used: " + err.Error() + " (the build does not need it; BLUMEOPS_CACHE=none turns it off)")
}

// writesCache reports whether this run writes the cache.
func (a *App) writesCache() (bool, error) {
	who, err := a.CacheWriters()
	switch {
	case err != nil:
		return false, err
	case who == settings.CacheAuto:
		return inCI() && ofDefaultBranch(os.Getenv, a.Owner, a.Repository), nil
	}
	return who == settings.CacheAlways, nil
}

// ofDefaultBranch reports whether the job is for a commit of the default branch of the repository, not for a pull request, a tag, another branch or
// a fork. Forgejo and GitHub set the variables.
func ofDefaultBranch(getenv func(string) string, owner, repository string) bool {
	switch getenv("GITHUB_EVENT_NAME") {
	case "push", "schedule", "workflow_dispatch":
	default:
		return false
	}
	if name := getenv("GITHUB_REPOSITORY"); owner != "" && repository != "" && name != owner+"/"+repository {
		return false
	}
	var event struct {
		Repository struct {
			DefaultBranch string `json:"default_branch"`
			Fork          bool
		}
	}
	if raw, err := os.ReadFile(getenv("GITHUB_EVENT_PATH")); err == nil && json.Unmarshal(raw, &event) != nil {
		return false
	}
	branch := event.Repository.DefaultBranch
	if branch == "" {
		branch = origin.DefaultBranch
	}
	return !event.Repository.Fork && getenv("GITHUB_REF") == "refs/heads/"+branch
}

// cacheRemote is the repository of the cache. Who only reads begins without the account of the site: on a laptop it may cost a question of
// 1Password, and a job for a pull request has none.
func (a *App) cacheRemote(ref image.Reference, writes bool) *cacheRemote {
	// A registry that does not answer soon must not delay the build, which only says that once.
	o := registry.Options{Timeout: 10 * time.Second, Retry: registry.Retry{Attempts: 2, Max: 2 * time.Second}, Log: func(string) {}}
	r := &cacheRemote{account: a.registryClient(o).Repository(ref)}
	o.Credentials = noAccount
	anonymous := a.registryClient(o).Repository(ref)
	first, other := anonymous, r.account
	if writes {
		first, other = r.account, anonymous
	}
	r.other = other
	r.now.Store(first)
	return r
}

// noAccount leaves a registry to the Docker configuration.
func noAccount(context.Context, string) (user, password string, ok bool, err error) {
	return "", "", false, nil
}

// cacheRemote is the repository with the account that it requires.
type cacheRemote struct {
	account *registry.Repository // for writing
	other   *registry.Repository // for reading, if the first one may not
	now     atomic.Pointer[registry.Repository]
}

// Manifest implements remotecache.Remote. Of each entry it is read first.
func (r *cacheRemote) Manifest(ctx context.Context, tag string) (raw []byte, ok bool, err error) {
	raw, ok, err = r.now.Load().Manifest(ctx, tag)
	if refused(err) && r.now.Load() != r.other {
		if raw, ok, again := r.other.Manifest(ctx, tag); !refused(again) {
			r.now.Store(r.other)
			return raw, ok, again
		}
	}
	return raw, ok, err
}

// refused reports whether another account may succeed.
func refused(err error) bool {
	return errors.Is(err, registry.ErrUnauthorized) || errors.Is(err, registry.ErrDenied) || errors.Is(err, registry.ErrCredentials)
}

// Name implements remotecache.Remote.
func (r *cacheRemote) Name() string { return r.account.Name() }

// Has implements remotecache.Remote.
func (r *cacheRemote) Has(ctx context.Context, digest string) (bool, error) {
	return r.now.Load().Has(ctx, digest)
}

// Blob implements remotecache.Remote.
func (r *cacheRemote) Blob(ctx context.Context, digest string) (io.ReadCloser, error) {
	return r.now.Load().Blob(ctx, digest)
}

// Push implements remotecache.Remote.
func (r *cacheRemote) Push(ctx context.Context, digest string, size int64, open func() (io.ReadCloser, error)) error {
	return r.account.Push(ctx, digest, size, open)
}

// Tag implements remotecache.Remote.
func (r *cacheRemote) Tag(ctx context.Context, tag string, manifest []byte) error {
	return r.account.Tag(ctx, tag, manifest)
}
