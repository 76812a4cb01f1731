package checks

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// TestPlanted plants each fault alone in this repository and checks that its rule reports more findings than before.
func TestPlanted(t *testing.T) {
	t.Parallel()
	fsys, names := thisRepository(t)
	known := map[string]bool{}
	for _, check := range All() {
		before := rulesFound(t, check, fsys, names)
		for _, rule := range check.Rules {
			name := check.Name + "/" + rule.ID
			known[name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				edits, planned := faults[name]
				if !planned && check.Name == "markdown" {
					edits, planned = fromCase(t, rule.ID), true
				}
				if !planned {
					t.Fatal("no fault is planted for this rule: add one to planted_faults_test.go")
				}
				faulty, listed := plant(t, fsys, names, edits)
				if after := rulesFound(t, check, faulty, listed); after[rule.ID] <= before[rule.ID] {
					t.Errorf("the fault in %s is not reported; reported are %v, and %v before", edits[0].path, after, before)
				}
			})
		}
	}
	for name := range faults {
		if !known[name] {
			t.Errorf("%s: there is no such rule", name)
		}
	}
}

// fromCase plants the pages of the Markdown rule's own case.
func fromCase(t *testing.T, rule string) (edits []edit) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "markdown", "err", rule+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.Files {
		edits = append(edits, write(strings.Replace(file.Name, "docs/", "docs/planted/", 1), string(file.Data)))
	}
	return edits
}

func plant(t *testing.T, fsys fstest.MapFS, names []string, edits []edit) (fstest.MapFS, []string) {
	t.Helper()
	faulty, listed := maps.Clone(fsys), slices.Clone(names)
	for _, e := range edits {
		listed = append(listed, e.path)
		if e.text == nil {
			delete(faulty, e.path)
			continue
		}
		was := ""
		if file := fsys[e.path]; file != nil {
			was = string(file.Data)
		}
		now := e.text(was)
		if now == was {
			t.Fatalf("the edit changes nothing in %s", e.path)
		}
		faulty[e.path] = &fstest.MapFile{Data: []byte(now), Mode: 0o644}
	}
	return faulty, listed
}

// thisRepository is the working tree of this repository in memory.
func thisRepository(t *testing.T) (fstest.MapFS, []string) {
	t.Helper()
	git := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	git.Dir = filepath.Join("..", "..", "..", "..")
	out, err := git.Output()
	if err != nil {
		testenv.Missing(t, fmt.Sprintf("git ls-files: %v; run in a clone: a source archive has no list of files", err))
	}
	fsys, names := fstest.MapFS{}, []string{}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		text, err := os.ReadFile(filepath.Join(git.Dir, string(name)))
		if err != nil {
			continue // removed, but still in the index
		}
		fsys[string(name)] = &fstest.MapFile{Data: text, Mode: 0o644}
		names = append(names, string(name))
	}
	return fsys, names
}

// rulesFound counts the findings of each rule of a check.
func rulesFound(t *testing.T, check validate.Check, fsys fstest.MapFS, names []string) map[string]int {
	t.Helper()
	own := site
	own.Images, own.ForgeURLs = "registry.ops.eblu.me/blumeops", []string{"https://forge.ops.eblu.me/eblume/blumeops"}
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, names), []validate.Check{check}, validate.Options{Site: own})
	if err != nil || len(report.Failures) > 0 {
		t.Fatal(err, report.Failures)
	}
	found := map[string]int{}
	for _, f := range report.Findings {
		found[f.Rule]++
	}
	return found
}
