// Package shell uses shells in containers through a pseudo terminal, with the compiled mage binary.
package shell

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }
