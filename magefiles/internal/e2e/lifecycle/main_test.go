// Package lifecycle uses one target after another in one repository: what one has made, the next one works on.
package lifecycle

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }
