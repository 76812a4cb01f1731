package imagetest

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
)

// Builders build several images in parallel, and fail for the named ones.
type Builders struct {
	T      *testing.T
	Takes  time.Duration
	Broken []string
	now    atomic.Int64
	Most   atomic.Int64  // in parallel
	Two    chan struct{} // if set, a build waits until another one has begun, which closes it
	once   sync.Once
	mu     sync.Mutex
	Built  []string
	Bases  map[string]map[string]string // of each, instead of those in its sources
}

func (b *Builders) Build(ctx context.Context, r image.BuildRequest) (image.Built, error) {
	now := b.now.Add(1)
	defer b.now.Add(-1)
	b.mu.Lock()
	b.Built = append(b.Built, string(r.Container.Name))
	if b.Bases == nil {
		b.Bases = map[string]map[string]string{}
	}
	b.Bases[string(r.Container.Name)] = r.Bases
	b.Most.Store(max(b.Most.Load(), now))
	b.mu.Unlock()
	time.Sleep(b.Takes)
	if b.Two != nil {
		if now > 1 {
			b.once.Do(func() { close(b.Two) })
		}
		select {
		case <-b.Two:
		case <-time.After(time.Minute):
			return nil, errors.New("no other build began in a minute")
		}
	}
	if slices.Contains(b.Broken, string(r.Container.Name)) {
		return nil, fmt.Errorf("no %s today", r.Container.Name)
	}
	return (&Builder{T: b.T, Content: string(r.Container.Name)}).Build(ctx, r)
}

// FiveContainers are the files of containers a to e, and of one without a version.
func FiveContainers() fstest.MapFS {
	files := fstest.MapFS{"containers/none/Dockerfile": {Data: []byte("FROM scratch\n")}}
	for i, name := range []string{"a", "b", "c", "d", "e"} {
		files["containers/"+name+"/Dockerfile"] = &fstest.MapFile{Data: fmt.Appendf(nil, "# blumeops:platforms linux/amd64\nARG CONTAINER_APP_VERSION=%d.2\nFROM scratch\n", i+1)}
	}
	return files
}
