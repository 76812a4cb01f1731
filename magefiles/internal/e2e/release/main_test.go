// Package release releases the docs on the lab, kills the release at every kind of request, and breaks its servers.
package release

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }

// homelab has what only these tests do.
type homelab struct{ *e2etest.Homelab }

func newHomelab(t *testing.T) *homelab { return &homelab{e2etest.NewHomelab(t)} }
