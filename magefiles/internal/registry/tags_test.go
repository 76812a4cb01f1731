package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

func TestTags(t *testing.T) {
	s := newServer(t, serverOptions{})
	c := New(fast())
	ref := refAt(s.host, "v1.0.0")
	if tags, err := c.Tags(t.Context(), ref); len(tags) > 0 || err != nil {
		t.Errorf("of no repository: %q, %v", tags, err)
	}
	a := assembled(t, metadata(), simple(amd64, "a"))
	want := []string{"dev", "v1.0.0", "v1.0.0-abcdef0"}
	for _, tag := range want {
		if _, err := c.Push(t.Context(), refAt(s.host, tag), a); err != nil {
			t.Fatal(err)
		}
	}
	ref.Tag = ""
	tags, err := c.Tags(t.Context(), ref)
	slices.Sort(tags)
	if err != nil || !slices.Equal(tags, want) {
		t.Errorf("%q, %v", tags, err)
	}
}

// A registry returns long lists in pages.
func TestTagsInPieces(t *testing.T) {
	piece := 0
	s := newServer(t, serverOptions{front: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				next.ServeHTTP(w, r)
				return
			}
			if piece++; piece < 3 {
				w.Header().Set("Link", fmt.Sprintf(`<%s?last=%d>; rel="next"`, r.URL.Path, piece))
			}
			fmt.Fprintf(w, `{"name":"x","tags":["v%d.0.0"]}`, piece)
		})
	}})
	tags, err := New(fast()).Tags(t.Context(), refAt(s.host, ""))
	if err != nil || !slices.Equal(tags, []string{"v1.0.0", "v2.0.0", "v3.0.0"}) {
		t.Errorf("%q, %v", tags, err)
	}
}

func TestTagsThatCannotBeRead(t *testing.T) {
	s := newServer(t, serverOptions{user: "ci", password: "hunter2"})
	_, err := New(withAccount("ci", "wrong")).Tags(t.Context(), refAt(s.host, ""))
	wantError(t, err, ErrUnauthorized, refAt(s.host, "").Name()+": registry")
	_, err = New(fast()).Tags(t.Context(), refAt("127.0.0.1:1", ""))
	wantError(t, err, ErrUnreachable, "127.0.0.1:1")
	// A server that is not a registry has no list of tags.
	web := newServer(t, serverOptions{front: func(http.Handler) http.Handler { return http.NotFoundHandler() }})
	if _, err = New(fast()).Tags(t.Context(), refAt(web.host, "")); err == nil {
		t.Error("a web server is taken for a registry")
	}
	if _, err := New(fast()).Tags(t.Context(), image.Reference{Registry: "r.example", Repository: "UPPER"}); err == nil {
		t.Error("no error")
	}
}

// If several requests run in parallel, the first failure cancels the others, which have its error as their cause. That error must not be changed:
// its owner reads it meanwhile.
func TestTagsLeavesTheErrorOfOthersAlone(t *testing.T) {
	first := &Error{Kind: ErrUnreachable, Registry: "registry.example", Reference: "registry.example/first", Problem: "is not reachable"}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(first)
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			ref := image.Reference{Registry: "registry.example", Repository: fmt.Sprint("other/", n)}
			_, err := New(fast()).Tags(ctx, ref)
			if !errors.Is(err, first) || !strings.Contains(err.Error(), first.Error()) || !strings.HasPrefix(err.Error(), ref.Name()) {
				t.Errorf("error %v", err)
			}
		})
	}
	group.Wait()
	if first.Reference != "registry.example/first" {
		t.Errorf("the error of another question is about %s now", first.Reference)
	}
}
