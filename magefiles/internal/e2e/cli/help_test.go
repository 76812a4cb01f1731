package cli

import (
	"regexp"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/e2e/e2etest"
)

// listed are the lines of targets in a listing.
var listed = regexp.MustCompile(`(?m)^  ([a-z]+(?::[a-zA-Z]+)?)\*? +(\S.*)$`)

// Every target that is listed says in a line what it does, and more when asked.
func TestEveryTargetHasHelp(t *testing.T) {
	w := e2etest.NewWorkspace(t)
	targets := listed.FindAllStringSubmatch(w.Mage("-l"), -1)
	if len(targets) < 9 {
		t.Fatalf("%d targets are listed: %q", len(targets), targets)
	}
	for _, target := range targets {
		if first, _ := strings.CutSuffix(target[2], "."); strings.Contains(first, ". ") || len(target[2]) > 100 {
			t.Errorf("%s is listed with more than a short sentence: %q", target[1], target[2])
		}
		got := w.Run("-h", target[1])
		if got.Status != 0 || !strings.Contains(strings.ToLower(got.Stdout), "usage:") || !strings.Contains(got.Stdout, strings.ToLower(target[1])) {
			t.Errorf("-h %s: status %d, %s%s", target[1], got.Status, got.Stdout, got.Stderr)
		}
	}
}
