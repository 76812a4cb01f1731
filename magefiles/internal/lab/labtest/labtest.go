// Package labtest is for tests that start parts of a lab.
package labtest

import (
	"context"
	"slices"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Need skips a test that starts parts of a lab which this machine cannot start immediately; the reason says what to do. In CI, which prepares all
// parts, the test fails. Only the registry starts fast enough for -short.
func Need(tb testing.TB, parts ...lab.Part) {
	tb.Helper()
	if slices.ContainsFunc(parts, func(p lab.Part) bool { return p != lab.PartRegistry }) {
		testenv.Slow(tb, "starts servers of the lab")
	}
	if err := (lab.Home{}).Ready(parts...); err != nil {
		testenv.Missing(tb, err)
	}
}

// Bases starts a registry that holds base images under their names on the Docker Hub. It ends with the test.
func Bases(tb testing.TB, o lab.RegistryOptions, recipes ...baseimage.Recipe) *lab.Registry {
	tb.Helper()
	ctx := context.Background()
	var layouts []string
	for _, r := range recipes {
		layout, err := baseimage.Images{Log: func(line string) { tb.Log(line) }}.Make(ctx, r)
		if err != nil {
			testenv.Missing(tb, err)
		}
		layouts = append(layouts, layout)
	}
	registry, err := lab.StartRegistry(ctx, lab.Home{}, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := registry.Close(); err != nil {
			tb.Errorf("close the registry of base images: %v", err)
		}
	})
	for i, r := range recipes {
		if err := registry.Seed(ctx, r.Reference(), layouts[i]); err != nil {
			tb.Fatal(err)
		}
	}
	return registry
}
