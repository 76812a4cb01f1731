// Package deploy promotes and tags images on the lab, and asks doctor and drift about it.
package deploy

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }

// homelab has what only these tests do.
type homelab struct{ *e2etest.Homelab }

func newHomelab(t *testing.T) *homelab { return &homelab{e2etest.NewHomelab(t)} }

// TestDeploy has what is deployed looked at, changed by promotion, and published from a tag.
func TestDeploy(t *testing.T) {
	h := newHomelab(t)
	h.Release("minor")
	h.WantRelease("v0.1.0")
	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"doctor and drift", h.testEstate}, {"promote", h.testPromote}, {"tag", h.testTag},
	} {
		t.Run(part.name, func(t *testing.T) {
			h.T = t
			part.test(t)
		})
	}
}
