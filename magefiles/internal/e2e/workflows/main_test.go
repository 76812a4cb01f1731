// Package workflows runs the files of .forgejo/workflows as a runner does, and in the image in which jobs run.
package workflows

import (
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

func TestMain(m *testing.M) { e2etest.Main(m) }
