package build_test

import (
	"slices"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/build"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Each container is built for the platforms that it is published for, whether others fail or not.
func TestBuildMany(t *testing.T) {
	t.Parallel()
	b, files := &imagetest.Builders{T: t, Broken: []string{"b", "d"}}, imagetest.FiveContainers()
	var mu sync.Mutex
	var steps []string
	results := build.Many{
		Platforms: image.DefaultPlatforms{image.KindDockerfile: {imagetest.AMD64, imagetest.ARM64}},
		Each: func(image.Name) build.Build {
			return build.Build{Files: files, Builder: b, Watch: func(step string) func(error) {
				mu.Lock()
				defer mu.Unlock()
				steps = append(steps, step)
				return func(error) {}
			}}
		},
	}.Run(t.Context(), []image.Name{"none", "b", "a", "x", "d"})
	for i, want := range []struct{ built, err string }{
		{"none linux/amd64,linux/arm64", ""}, {"", "no b today"}, {"a linux/amd64", ""}, {"", `unknown container "x"`}, {"", "no d today"},
	} {
		r := results[i]
		if want.err != "" {
			testenv.WantError(t, r.Err, want.err)
		} else if r.Err != nil || r.Built.String() != want.built || r.Name != r.Built.Name {
			t.Errorf("%+v, want %q", r, want.built)
		}
	}
	if slices.Sort(steps); !slices.Equal(steps, []string{"a: build a", "b: build b", "d: build d", "none: build none"}) {
		t.Errorf("steps %q", steps)
	}
}
