package validate

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"testing/fstest"
)

// The first findings of a rule in a file are kept, in any order of reports, and one more finding counts the rest. Other rules and other
// files are not affected.
func TestFindingsAreCapped(t *testing.T) {
	t.Parallel()
	const many = 5*MaxFindings + 7
	var all []Finding
	for i := range many {
		all = append(all, Finding{Path: "a.md", Line: i + 1, Message: fmt.Sprintf("m%d", i), Rule: "r"})
	}
	for i := range MaxFindings {
		all = append(all, Finding{Path: "b.md", Line: i + 1, Rule: "r"}, Finding{Path: "a.md", Line: i + 1, Rule: "s"}, Finding{About: "host", Message: fmt.Sprint(i), Rule: "r"})
	}
	rand.New(rand.NewSource(1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	check := Check{Name: "c", Rules: []Rule{{ID: "r", Do: "do"}}, Run: func(_ context.Context, in *Input) error {
		for _, f := range all {
			in.Report(f)
		}
		return nil
	}}
	report, err := Run(t.Context(), NewTree(fstest.MapFS{}, nil), []Check{check}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n, want := len(report.Findings), 4*MaxFindings+1; n != want {
		t.Errorf("%d findings, want %d", n, want)
	}
	more := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.More > 0 })
	if more < 0 {
		t.Fatal("nothing says that findings were left out")
	}
	f := report.Findings[more]
	if f.More != many-MaxFindings || f.Path != "a.md" || f.Rule != "r" || f.Line != MaxFindings || f.Do != "do" {
		t.Errorf("%+v", f)
	}
	if before := report.Findings[more-1]; before.Path != "a.md" || before.Line > MaxFindings {
		t.Errorf("it comes after %+v", before)
	}
}
