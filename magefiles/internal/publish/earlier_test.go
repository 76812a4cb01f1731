package publish_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish/publishtest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// held is a registry that holds these revisions, by name and tag.
type held map[string]string

func (h held) Tags(context.Context, image.Reference) ([]string, error) {
	return nil, errors.New("asked for tags")
}

func (h held) Look(_ context.Context, ref image.Reference) (image.Found, bool, error) {
	revision, ok := h[ref.String()]
	if revision == "down" {
		return image.Found{}, false, errors.New("the registry is down")
	}
	return image.Found{Labels: map[string]string{"org.opencontainers.image.revision": revision}}, ok, nil
}

func TestPublishedOf(t *testing.T) {
	t.Parallel()
	files := imagetest.FiveContainers()
	files["containers/Odd/Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\n")}
	registry := held{
		"r.example/shop/a:v1.2.0-1111111": publishtest.First,
		"r.example/shop/b:v2.2.0-1111111": publishtest.First + "-dirty",
		"r.example/shop/c:v3.2.0-1111111": publishtest.Second,
		"r.example/shop/d:v4.2.0":         publishtest.First,
		"r.example/shop/e:v5.2.0-1111111": publishtest.First,
	}
	p := publish.Earlier{Files: files, Registry: registry, Host: "r.example", Namespace: "shop", Commits: []string{publishtest.First}}
	names, err := p.Run(t.Context())
	if err != nil || !slices.Equal(names, []image.Name{"a", "e"}) {
		t.Errorf("%v, %v", names, err)
	}
	registry["r.example/shop/c:v3.2.0-1111111"] = "down"
	_, err = p.Run(t.Context())
	testenv.WantError(t, err, "the registry is down")
}

// TestPublishAgainAfterAPromotion repeats runs whose promotion has moved the checkout: they print the same, and write nothing.
func TestPublishAgainAfterAPromotion(t *testing.T) {
	t.Parallel()
	l, b := publishtest.NewShop(t), &imagetest.Builders{T: t}
	run := func(head string, version string) (publish.Results, error) {
		many := many(l, t, publishtest.Clean(head), b)
		each := many.Each
		many.Each = func(name image.Name) publish.Publish {
			p := each(name)
			p.Before = func(_ context.Context, commit string) ([]string, error) {
				if commit != publishtest.Second {
					return nil, nil
				}
				return []string{publishtest.First}, nil
			}
			return p
		}
		return many.Run(t.Context(), tasks.PublishArgs{Name: "a,b", Version: version})
	}
	for _, version := range []string{"auto", "v1.0.0"} {
		once, err := run(publishtest.First, version)
		if err != nil {
			t.Fatal(err)
		}
		writes, built := l.Writes.Load(), len(b.Built)
		again, err := run(publishtest.Second, version)
		if err != nil || again.String() != once.String() || again[0].Revision != publishtest.First || again[1].Status != step.StatusUnchanged {
			t.Errorf("%s: %v, %+v, and %v before", version, err, again, once)
		}
		if l.Writes.Load() != writes || len(b.Built) != built {
			t.Errorf("%s: built %q, wrote %d times", version, b.Built[built:], l.Writes.Load()-writes)
		}
	}
	if other, err := run(strings.Repeat("3", 40), "auto"); err != nil || !strings.HasSuffix(other[0].Version, "-3333333") {
		t.Errorf("of a commit that changes more: %+v, %v", other, err)
	}
}
