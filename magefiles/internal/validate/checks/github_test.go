package checks

import (
	"slices"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// TestForgejoIsNotGitHub checks that the limits of Forgejo count below .github only if Forgejo may run it.
func TestForgejoIsNotGitHub(t *testing.T) {
	t.Parallel()
	text := &fstest.MapFile{Data: []byte("on: push\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n")}
	for _, c := range []struct {
		name    string
		forges  []string
		forgejo bool
	}{
		{".github/workflows/a.yaml", nil, true},
		{".github/workflows/a.yaml", []string{"https://github.com/o/r"}, false},
		{".github/workflows/a.yaml", []string{"https://GitHub.com/o/r", "https://github.com/fork/r"}, false},
		{".github/workflows/a.yaml", []string{"https://forge.example/o/r", "https://github.com/o/r"}, true},
		{".github/workflows/a.yaml", []string{"https://github.com.example/o/r"}, true},
		{".forgejo/workflows/a.yaml", []string{"https://github.com/o/r"}, true},
	} {
		tree := validate.NewTree(fstest.MapFS{c.name: text}, []string{c.name})
		report, err := validate.Run(t.Context(), tree, []validate.Check{workflows}, validate.Options{Site: validate.Site{ForgeURLs: c.forges}})
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(report.Findings, func(f validate.Finding) bool { return f.Rule == "ignored" }); got != c.forgejo {
			t.Errorf("%s at %q: ignored is %t, want %t: %v", c.name, c.forges, got, c.forgejo, report.Findings)
		}
	}
}
