package changed_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Images with labels in a registry that answers over HTTP, with a limit on parallel requests.
func TestChangedAgainstARegistry(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	server, err := lab.StartRegistry(t.Context(), lab.Home{}, lab.RegistryOptions{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			next.ServeHTTP(w, r)
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	host := strings.TrimPrefix(server.URL(), "http://")
	c := newChanging(t)
	var names []string
	files := []string{"containers/on/Dockerfile", "FROM " + host + "/blumeops/a:dev\n"}
	for n := range 12 {
		names = append(names, string(rune('a'+n)))
		files = append(files, "containers/"+names[n]+"/Dockerfile", plain)
	}
	first := c.Commit(files...)
	push := func(name, tag, revision string) {
		t.Helper()
		pushLabelled(t, host+"/blumeops/"+name+":"+tag, revision)
	}
	for _, name := range append(names[:11:11], "on") { // the last is not published
		push(name, "v1.0.0", first)
		push(name, "v0.9.0", first+"-dirty")
	}
	second := c.Commit("containers/a/file", "1", "containers/b/file", "1", "containers/c/file", "1")
	push("b", "v1.2.0-"+second[:7], second)
	push("c", "dev", second)
	changed, _ := c.opened()
	changed.Host, changed.Registry = host, registry.New(registry.Options{})
	found, err := changed.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range found {
		got = append(got, string(one.Name)+": "+one.Why)
	}
	if want := "a: containers/a changed; c: containers/c changed; l: never published; on: on -> a: containers/a changed"; strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
	changed.Host, changed.At = "elsewhere.example", host // Dockerfiles of another site: "on" is built on none of our containers
	if found, err = changed.Run(t.Context()); err != nil || found.String() != "a\nc\nl" {
		t.Errorf("%q, %v", found, err)
	}
	if n := most.Load(); n > 8 {
		t.Errorf("%d questions at a time", n)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := changed.Run(t.Context()); err == nil {
		t.Error("no registry, and no error")
	} else {
		testenv.WantError(t, err, host)
	}
}

func pushLabelled(t *testing.T, ref, revision string) {
	t.Helper()
	img, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"org.opencontainers.image.revision": revision}})
	if err != nil {
		t.Fatal(err)
	}
	at, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(at, img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
}
