// Package labtest is for tests that start parts of a lab.
package labtest

import (
	"slices"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Need leaves out a test that starts parts of a lab which this machine cannot start at once; the reason says what to do. In CI,
// which prepares all of it, the test fails. Of all parts, only the registry starts fast enough for -short.
func Need(tb testing.TB, parts ...lab.Part) {
	tb.Helper()
	if slices.ContainsFunc(parts, func(p lab.Part) bool { return p != lab.PartRegistry }) {
		testenv.Slow(tb, "starts servers of the lab")
	}
	if err := (lab.Home{}).Ready(parts...); err != nil {
		testenv.Lack(tb, err)
	}
}
