package task_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// shop is a registry of the lab, with a hook between it and its clients.
type shop struct {
	host   string
	writes atomic.Int64 // requests that change something
	// between, if set, answers a request itself and returns true.
	between func(http.ResponseWriter, *http.Request) bool
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	r, err := lab.StartRegistry(t.Context(), lab.Home{}, lab.RegistryOptions{Wrap: func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				s.writes.Add(1)
			}
			if s.between == nil || !s.between(w, r) {
				real.ServeHTTP(w, r)
			}
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	s.host = r.Addr
	return s
}

// publish is the use case with tiny images and the lab's registry.
func (l *shop) publish(t *testing.T, r task.Repo, b *builder) task.Publish {
	return task.Publish{
		Files: files, Trees: trees{FS: files}, Repo: r, Builder: b, Registry: registry.New(registry.Options{}),
		Host: l.host, Namespace: "blumeops", TempDir: t.TempDir(),
		Platforms: task.Platforms{image.KindGo: {amd64, arm64}},
	}
}

func (l *shop) look(t *testing.T, tag string) (image.Found, bool) {
	t.Helper()
	ref, err := image.ParseReference(l.host + "/blumeops/nettest:" + tag)
	if err != nil {
		t.Fatal(err)
	}
	found, ok, err := registry.New(registry.Options{}).Look(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return found, ok
}
