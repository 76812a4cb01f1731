package conformance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/conformance"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/testimage"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// sample selects the cases of the corpus that a push replays: one in so many. All of them take minutes.
const sample = 6

// TestCorpus replays random pipelines that were recorded from Dagger against the embedded engine. BLUMEOPS_CORPUS=all replays all of
// them twice: from an empty state, and from the state that this leaves.
func TestCorpus(t *testing.T) {
	if testing.Short() {
		t.Skip("replays for a minute: run without -short")
	}
	if err := testimage.Debian().Ready(); err != nil {
		testenv.Missing(t, err)
	}
	work := t.TempDir()
	corpus, err := conformance.BuildCorpus(t.Context(), conformance.Testdata, work)
	if err != nil {
		t.Fatal(err)
	}
	session := build(t, work, sessionPackage)
	cases := chosen(t, filepath.Join(conformance.Testdata, "corpus"))
	serveBaseImage(t)

	env, passes := environ(t), 1
	if all() {
		passes = 2 // the second one finds a state that was used
	}
	for range passes {
		replay(t, corpus, session, cases, env)
	}
}

// replay replays the cases once, and compares the differences with the list.
func replay(t *testing.T, corpus conformance.Corpus, session, cases string, env []string) {
	t.Helper()
	var log bytes.Buffer
	results, err := corpus.Replay(interruptible(t), session, cases, env, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	t.Logf("%d the same, %d but for an error's text, %d otherwise", len(results.Same), len(results.Text), len(results.Differing))
	if len(results.Same) == 0 {
		t.Error("no case is the same")
	}
	wrong, err := results.Check()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range wrong {
		t.Error(line)
	}
	if t.Failed() {
		t.Logf("output of the sessions:\n%s", log.Bytes())
	}
}

// all reports whether all of the corpus is replayed, as each night.
func all() bool { return os.Getenv("BLUMEOPS_CORPUS") == "all" }

// chosen is a folder of the cases to replay: those of each kind, and a sample or all of the random ones.
func chosen(t *testing.T, corpus string) string {
	t.Helper()
	random, kinds := matching(t, filepath.Join(corpus, "cases")), matching(t, filepath.Join(corpus, "kinds"))
	step := sample
	if all() {
		step = 1
	}
	some := t.TempDir()
	for i := 0; i < len(random); i += step {
		kinds = append(kinds, random[i])
	}
	for _, file := range kinds {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(some, filepath.Base(file)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return some
}

func matching(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s, %v", folder, err)
	}
	return files
}
