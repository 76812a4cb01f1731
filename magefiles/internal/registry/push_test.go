package registry

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

func metadata() image.Metadata {
	return image.Metadata{
		Created:     commit,
		Labels:      map[string]string{"org.opencontainers.image.revision": "abc"},
		Annotations: map[string]string{"org.opencontainers.image.version": "v0.1.0"},
	}
}

// mediaTypeOf is the media type that the registry has for an image.
func mediaTypeOf(t *testing.T, ref image.Reference) string {
	t.Helper()
	at, err := name.ParseReference(ref.Registry + "/" + ref.Repository + ":" + ref.Tag)
	if err != nil {
		t.Fatal(err)
	}
	head, err := remote.Head(at)
	if err != nil {
		t.Fatal(err)
	}
	return string(head.MediaType)
}

func TestPushAndLook(t *testing.T) {
	s := newServer(t, serverOptions{})
	c := New(fast())
	ref := refAt(s.host, "v0.1.0")
	if _, ok, err := c.Look(t.Context(), ref); ok || err != nil {
		t.Fatalf("an empty registry: ok=%v err=%v", ok, err)
	}
	for _, tt := range []struct {
		name      string
		exports   []export
		mediaType string
		platforms []image.Platform
	}{
		{"one", []export{simple(arm64, "a")}, "application/vnd.oci.image.manifest.v1+json", []image.Platform{arm64}},
		{"two", []export{simple(arm64, "a"), simple(amd64, "b")}, "application/vnd.oci.image.index.v1+json", []image.Platform{arm64, amd64}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := assembled(t, metadata(), tt.exports...)
			ref := refAt(s.host, tt.name)
			digest, err := c.Push(t.Context(), ref, a)
			if err != nil {
				t.Fatal(err)
			}
			got, ok, err := c.Look(t.Context(), ref)
			if err != nil || !ok {
				t.Fatalf("ok=%v err=%v", ok, err)
			}
			want := image.Found{Digest: digest, Platforms: tt.platforms, Labels: metadata().Labels, Annotations: metadata().Annotations}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if mediaType := mediaTypeOf(t, ref); mediaType != tt.mediaType {
				t.Errorf("media type %s, want %s", mediaType, tt.mediaType)
			}
			if err := c.Verify(t.Context(), ref, a); err != nil {
				t.Error(err)
			}
			// The repository is known now, the tag is not: another code, the same result.
			if _, ok, err := c.Look(t.Context(), refAt(s.host, "absent")); ok || err != nil {
				t.Errorf("absent tag: ok=%v err=%v", ok, err)
			}
		})
	}
}

func TestSecondPushMovesNoLayerBytes(t *testing.T) {
	s := newServer(t, serverOptions{})
	var last Progress
	o := fast()
	o.Progress = func(p Progress) { last = p }
	c := New(o)
	exports := []export{simple(amd64, strings.Repeat("x", 1<<20)), simple(arm64, "b")}
	meta := metadata()
	meta.Repack = true
	if _, err := c.Push(t.Context(), refAt(s.host, "v1.0.0"), assembled(t, meta, exports...)); err != nil {
		t.Fatal(err)
	}
	moved := s.uploaded.Swap(0)
	if moved == 0 || last.Done != last.Total || last.Skipped != 0 || moved != last.Done {
		t.Errorf("first push: %d bytes arrived, progress %+v", moved, last)
	}
	// Assembled again, as a second run does, under the same and under another tag.
	for _, tag := range []string{"v1.0.0", "v1.0.1"} {
		if _, err := c.Push(t.Context(), refAt(s.host, tag), assembled(t, meta, exports...)); err != nil {
			t.Fatal(err)
		}
		if n := s.uploaded.Load(); n != 0 {
			t.Errorf("%s: %d bytes moved again", tag, n)
		}
		if last.Done != last.Total || last.Skipped != last.Total {
			t.Errorf("%s: progress %+v", tag, last)
		}
	}
}

// An identical manifest must not be put again: a create-only registry (Zot's policy for CI) answers 403.
func TestCreateOnlyRegistry(t *testing.T) {
	s := newServer(t, serverOptions{createOnly: true})
	c := New(fast())
	ref := refAt(s.host, "v1.0.0")
	a := assembled(t, metadata(), simple(amd64, "a"), simple(arm64, "a"))
	for range 2 {
		if _, err := c.Push(t.Context(), ref, a); err != nil {
			t.Fatal(err)
		}
	}
	other := assembled(t, metadata(), simple(amd64, "another"))
	_, err := c.Push(t.Context(), ref, other)
	wantError(t, err, ErrDenied, ref.String(), "a policy may allow only new tags")
	if err := c.Verify(t.Context(), ref, a); err != nil {
		t.Error("the refused push changed something:", err)
	}
	wantError(t, c.Verify(t.Context(), ref, other), ErrMismatch, other.Digest(), a.Digest())
}

func TestInterruptedPushLeavesNoTag(t *testing.T) {
	s := newServer(t, serverOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := fast()
	o.Progress = func(p Progress) {
		if p.Done > 100 {
			cancel()
		}
	}
	ref := refAt(s.host, "v1.0.0")
	_, err := New(o).Push(ctx, ref, assembled(t, metadata(), simple(amd64, strings.Repeat("abc", 1<<20)), simple(arm64, "b")))
	if err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) || !strings.Contains(err.Error(), ref.String()) {
		t.Fatalf("err = %v", err)
	}
	if _, ok, err := New(fast()).Look(t.Context(), ref); ok || err != nil {
		t.Errorf("the tag exists: ok=%v err=%v", ok, err)
	}
}

func TestLookSkipsAttestations(t *testing.T) {
	s := newServer(t, serverOptions{})
	a := assembled(t, metadata(), func() export { e := simple(amd64, "a"); e.nested = true; return e }())
	if len(a.images) != 1 || a.images[0].platform != amd64 {
		t.Errorf("images %v", a.images)
	}
	if _, err := New(fast()).Push(t.Context(), refAt(s.host, "v1"), a); err != nil {
		t.Fatal(err)
	}
}
