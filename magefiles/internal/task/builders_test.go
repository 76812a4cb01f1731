package task_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// builders build several images in parallel, and fail for the named ones.
type builders struct {
	t      *testing.T
	takes  time.Duration
	broken []string
	now    atomic.Int64
	most   atomic.Int64  // in parallel
	two    chan struct{} // if set, a build waits until another one has begun, which closes it
	once   sync.Once
	mu     sync.Mutex
	built  []string
	bases  map[string]map[string]string // of each, instead of those in its sources
}

func (b *builders) Build(ctx context.Context, r image.BuildRequest) (task.Image, error) {
	now := b.now.Add(1)
	defer b.now.Add(-1)
	b.mu.Lock()
	b.built = append(b.built, string(r.Container.Name))
	if b.bases == nil {
		b.bases = map[string]map[string]string{}
	}
	b.bases[string(r.Container.Name)] = r.Bases
	b.most.Store(max(b.most.Load(), now))
	b.mu.Unlock()
	time.Sleep(b.takes)
	if b.two != nil {
		if now > 1 {
			b.once.Do(func() { close(b.two) })
		}
		select {
		case <-b.two:
		case <-time.After(time.Minute):
			return nil, errors.New("no other build began in a minute")
		}
	}
	if slices.Contains(b.broken, string(r.Container.Name)) {
		return nil, fmt.Errorf("no %s today", r.Container.Name)
	}
	return (&builder{t: b.t, content: string(r.Container.Name)}).Build(ctx, r)
}

// fiveContainers are the files of containers a to e, and of one without a version.
func fiveContainers() fstest.MapFS {
	files := fstest.MapFS{"containers/none/Dockerfile": {Data: []byte("FROM scratch\n")}}
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		files["containers/"+name+"/Dockerfile"] = &fstest.MapFile{Data: fmt.Appendf(nil, "# blumeops:platforms linux/amd64\nARG CONTAINER_APP_VERSION=%d.2\nFROM scratch\n", i+1)}
	}
	return files
}
