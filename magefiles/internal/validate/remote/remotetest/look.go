// Package remotetest runs checks on files in memory, for tests.
package remotetest

import (
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// HintedError is an error with a hint.
type HintedError struct{ Text, Advice string }

func (e HintedError) Error() string { return e.Text }
func (e HintedError) Hint() string  { return e.Advice }

var ErrDown = HintedError{"nothing answers", "start it"}

// Look runs checks on files and returns the findings and the failures, one a line.
func Look(t *testing.T, checks []validate.Check, files map[string]string, site validate.Site) (*validate.Report, string) {
	t.Helper()
	fsys, names := fstest.MapFS{}, []string{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		names = append(names, name)
	}
	found, err := validate.Run(t.Context(), validate.NewTree(fsys, names), checks, validate.Options{Site: site})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range found.Findings {
		lines = append(lines, f.String()+" → "+f.Do)
		if f.Do == "" || strings.ContainsAny(f.Do+f.Message, "\n") || !knows(checks, f) {
			t.Errorf("%s: what to do is %q, or the rule is unknown", f, f.Do)
		}
	}
	for _, f := range found.Failures {
		lines = append(lines, "! "+f.Check+": "+f.Error)
	}
	return found, strings.Join(lines, "\n")
}

func knows(checks []validate.Check, f validate.Finding) bool {
	for _, c := range checks {
		for _, r := range c.Rules {
			if c.Name == f.Check && r.ID == f.Rule {
				return true
			}
		}
	}
	return false
}
