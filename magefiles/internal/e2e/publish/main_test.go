// Package publish publishes images with the compiled mage binary, and reads back what the registry holds.
package publish

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }

// What people see is written as scripts for testscript; package e2etest lists the commands that are ours.
func TestScripts(t *testing.T) { e2etest.RunScripts(t) }

func TestScriptsOnDagger(t *testing.T) { e2etest.RunScriptsOnDagger(t) }

// workspace has what only these tests do.
type workspace struct{ *e2etest.Workspace }

func newWorkspace(t testing.TB) *workspace { return &workspace{e2etest.NewWorkspace(t)} }
