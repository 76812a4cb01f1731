package validate

import (
	"context"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
)

// TestLinksRepeatNothing runs a check on a file with other names: the finding is reported once, at the file.
func TestLinksRepeatNothing(t *testing.T) {
	t.Parallel()
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	files := fstest.MapFS{
		"AGENTS.md": {Data: []byte("x")}, "CLAUDE.md": link("AGENTS.md"), "a/b.md": link("../CLAUDE.md"),
		"docs/index.md": link("../AGENTS.md"), "out.md": link("../AGENTS.md"), "loop.md": link("loop.md"), "absolute.md": link("/AGENTS.md"),
		"r1.md": link("r2.md"), "r2.md": link("r3.md"), "r3.md": link("r1.md"),
	}
	names := []string{"AGENTS.md", "CLAUDE.md", "a/b.md", "absolute.md", "docs/index.md", "loop.md", "out.md", "r1.md", "r2.md", "r3.md"}
	check := Check{Name: "c", Rules: []Rule{{ID: "r"}}, Run: func(_ context.Context, in *Input) error {
		for _, name := range in.Files(".") {
			message := "wrong"
			if name == "docs/index.md" {
				message = "wrong from this folder"
			}
			in.Report(Finding{Path: name, Line: 1, Rule: "r", Message: message})
		}
		return nil
	}}
	report, err := Run(t.Context(), NewTree(files, names), []Check{check}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Path)
	}
	if want := []string{"AGENTS.md", "absolute.md", "docs/index.md", "loop.md", "out.md", "r1.md", "r2.md", "r3.md"}; !slices.Equal(got, want) {
		t.Errorf("findings in %q, want %q", got, want)
	}
}
