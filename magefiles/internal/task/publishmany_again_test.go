package task_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// held is a registry that holds these revisions, by name and tag.
type held map[string]string

func (h held) Tags(context.Context, image.Reference) ([]string, error) {
	return nil, errors.New("asked for tags")
}

func (h held) Look(_ context.Context, ref image.Reference) (task.Found, bool, error) {
	revision, ok := h[ref.String()]
	if revision == "down" {
		return task.Found{}, false, errors.New("the registry is down")
	}
	return task.Found{Labels: map[string]string{"org.opencontainers.image.revision": revision}}, ok, nil
}

func TestPublishedOf(t *testing.T) {
	t.Parallel()
	files := fiveContainers()
	files["containers/Odd/Dockerfile"] = &fstest.MapFile{Data: []byte("FROM scratch\n")}
	registry := held{
		"r.example/shop/a:v1.2.0-1111111": first,
		"r.example/shop/b:v2.2.0-1111111": first + "-dirty",
		"r.example/shop/c:v3.2.0-1111111": second,
		"r.example/shop/d:v4.2.0":         first,
		"r.example/shop/e:v5.2.0-1111111": first,
	}
	p := task.PublishedOf{Files: files, Registry: registry, Host: "r.example", Namespace: "shop", Commit: first}
	names, err := p.Run(t.Context())
	if err != nil || !slices.Equal(names, []image.Name{"a", "e"}) {
		t.Errorf("%v, %v", names, err)
	}
	registry["r.example/shop/c:v3.2.0-1111111"] = "down"
	_, err = p.Run(t.Context())
	wantError(t, err, "the registry is down")
}
