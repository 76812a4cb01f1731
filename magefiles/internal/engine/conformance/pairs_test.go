package conformance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/conformance"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// TestPairs runs pairs of almost equal random pipelines, one after the other on one state of the engine. The cache must not answer the second
// with the result of the first. BLUMEOPS_PAIRS is SEED:COUNT for other and more pairs.
func TestPairs(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two engines: run without -short")
	}
	if err := testimage.Debian().Ready(); err != nil {
		testenv.Missing(t, err)
	}
	seed, count := 1, 12
	if s := os.Getenv("BLUMEOPS_PAIRS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d:%d", &seed, &count); err != nil {
			t.Fatalf("BLUMEOPS_PAIRS=%q: expected SEED:COUNT: %v", s, err)
		}
	}
	work := t.TempDir()
	corpus, err := conformance.BuildCorpus(t.Context(), conformance.Testdata, work)
	if err != nil {
		t.Fatal(err)
	}
	session := build(t, work, sessionPackage)
	serveBaseImage(t)
	states := [2]string{empty(t, "engine-conformance"), empty(t, "engine-pairs")}
	out, err := corpus.Pairs(interruptible(t), session, states, seed, count, os.Environ(), t.TempDir())
	if err != nil || !strings.Contains(out, fmt.Sprintf("%d pairs, 0 cases different", count)) {
		t.Errorf("%v\n%s", err, out)
	}
}
