package publishtest

import (
	"net/http"
	"sync/atomic"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
)

// Shop is a registry of the lab, with a hook between it and its clients.
type Shop struct {
	Host   string
	Writes atomic.Int64 // requests that change something
	// between, if set, answers a request itself and returns true.
	Between func(http.ResponseWriter, *http.Request) bool
}

func NewShop(t *testing.T) *Shop {
	t.Helper()
	s := &Shop{}
	r, err := lab.StartRegistry(t.Context(), lab.Home{}, lab.RegistryOptions{Wrap: func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				s.Writes.Add(1)
			}
			if s.Between == nil || !s.Between(w, r) {
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
	s.Host = r.Addr
	return s
}

// Publish is the use case with tiny images and the lab's registry.
func (l *Shop) Publish(t *testing.T, r publish.Repo, b *imagetest.Builder) publish.Publish {
	return publish.Publish{
		Files: imagetest.Files, Trees: Trees{FS: imagetest.Files}, Repo: r, Builder: b, Registry: registry.New(registry.Options{}),
		Host: l.Host, Namespace: "blumeops", TempDir: t.TempDir(),
		Channels:  image.Channels{"dev", "test"},
		Platforms: image.DefaultPlatforms{image.KindGo: {imagetest.AMD64, imagetest.ARM64}},
	}
}

func (l *Shop) Look(t *testing.T, tag string) (image.Found, bool) {
	t.Helper()
	ref, err := image.ParseReference(l.Host + "/blumeops/nettest:" + tag)
	if err != nil {
		t.Fatal(err)
	}
	found, ok, err := registry.New(registry.Options{}).Look(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return found, ok
}
