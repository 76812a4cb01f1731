// Package engine uses, stops and kills the embedded engine, and looks for secrets that came out of it.
package engine

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }

// workspace has what only these tests do.
type workspace struct{ *e2etest.Workspace }

func newWorkspace(t testing.TB) *workspace { return &workspace{e2etest.NewWorkspace(t)} }
