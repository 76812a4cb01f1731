package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// listed are the lines of targets in a listing.
var listed = regexp.MustCompile(`(?m)^  ([a-z]+(?::[a-zA-Z]+)?)\*? +(\S.*)$`)

// Every target that is listed says in a line what it does, and more when asked.
func TestEveryTargetHasHelp(t *testing.T) {
	w := newWorld(t)
	targets := listed.FindAllStringSubmatch(w.mage("-l"), -1)
	if len(targets) < 9 {
		t.Fatalf("%d targets are listed: %q", len(targets), targets)
	}
	for _, target := range targets {
		if first, _ := strings.CutSuffix(target[2], "."); strings.Contains(first, ". ") || len(target[2]) > 100 {
			t.Errorf("%s is listed with more than a short sentence: %q", target[1], target[2])
		}
		got := w.run("-h", target[1])
		if got.status != 0 || !strings.Contains(strings.ToLower(got.stdout), "usage:") || !strings.Contains(got.stdout, strings.ToLower(target[1])) {
			t.Errorf("-h %s: status %d, %s%s", target[1], got.status, got.stdout, got.stderr)
		}
	}
}
