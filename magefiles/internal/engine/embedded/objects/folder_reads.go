package objects

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// folderReads are the folders that a session has read, or is reading: all builds of a session, also for several platforms, use one state of a folder.
type folderReads struct {
	mu   sync.Mutex
	made map[string]*folderRead
}

// folderRead is one folder. Its result may be used when done is closed.
type folderRead struct {
	done chan struct{}
	dir  Directory
	err  error
}

// readOnce reads a folder at the first request. Concurrent requests wait. An error is not kept.
func (h *Host) readOnce(ctx context.Context, p string, of solver.Selection) (*Directory, error) {
	key := fmt.Sprintf("%q %q %q", p, of.Include, of.Exclude)
	for {
		r, first := h.env.reads.claim(key)
		if first {
			d, err := h.local(ctx, p, of)
			h.env.reads.settle(key, r, d, err)
			return d, err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if errors.Is(r.err, context.Canceled) {
			continue // the read that was cancelled
		}
		d := r.dir
		return &d, r.err
	}
}

// claim returns the read of a key, or lets the caller read, who must then settle it.
func (all *folderReads) claim(key string) (r *folderRead, first bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if r, ok := all.made[key]; ok {
		return r, false
	}
	if all.made == nil {
		all.made = map[string]*folderRead{}
	}
	r = &folderRead{done: make(chan struct{})}
	all.made[key] = r
	return r, true
}

func (all *folderReads) settle(key string, r *folderRead, d *Directory, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if r.err = err; err == nil {
		r.dir = *d
	} else {
		delete(all.made, key)
	}
	close(r.done)
}
