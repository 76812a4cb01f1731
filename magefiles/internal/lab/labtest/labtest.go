// Package labtest is for tests that start parts of a lab.
package labtest

import (
	"os"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab"
)

// Need leaves a test out that wants parts of a lab which this machine cannot start at once: the reason says what to do. In CI,
// which prepares all of it, the test fails.
func Need(tb testing.TB, parts ...lab.Part) {
	tb.Helper()
	err := lab.Home{}.Ready(parts...)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		tb.Fatal(err)
	default:
		tb.Skip(err)
	}
}
