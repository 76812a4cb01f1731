// Package pages does what pages of the documentation tell people to do, and compares it with what they show.
package pages

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }

// homelab has what only these tests do.
type homelab struct{ *e2etest.Homelab }
