package checks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// fewFindings is the number of findings that an existing repository without settings may have: a person can read them all.
const fewFindings = 30

// TestAdoption runs all checks on repositories of others, without any settings of validate.
func TestAdoption(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob(filepath.Join("testdata", "adoption", "*.txtar"))
	if err != nil || len(found) != 4 {
		t.Fatal(found, err)
	}
	for _, name := range found {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fsys, list := fstest.MapFS{}, []string{}
		for _, file := range archive.Files {
			fsys[file.Name] = &fstest.MapFile{Data: file.Data, Mode: 0o644}
			list = append(list, file.Name)
		}
		report, err := validate.Run(t.Context(), validate.NewTree(fsys, list), All(), validate.Options{Site: site})
		if err != nil || len(report.Failures) > 0 {
			t.Fatal(err, report.Failures)
		}
		report.Findings = validate.Together(report.Findings)
		var got strings.Builder
		for _, f := range report.Findings {
			got.WriteString(f.String() + "\n")
		}
		out := strings.TrimSuffix(name, ".txtar") + ".out"
		if *update {
			if err := os.WriteFile(out, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(out); err != nil || got.String() != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s, %v", name, got.String(), want, err)
		}
		if len(report.Findings) >= fewFindings {
			t.Errorf("%s: %d findings, want fewer than %d", name, len(report.Findings), fewFindings)
		}
	}
}
