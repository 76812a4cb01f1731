package workflow

import "testing"

// FuzzBranchesOf checks that each result has a name and a place, for any text.
func FuzzBranchesOf(f *testing.F) {
	f.Add("on:\n  push: &a\n    branches: [main]\n  pull_request: *a\njobs:\n  a:\n    if: github.ref == 'refs/heads/x'\n")
	f.Add("on: {<<: {push: {branches: main}}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, b := range BranchesOf(text) {
			if len(b.Names) == 0 || b.Line < 1 || b.What == "" {
				t.Fatalf("%+v", b)
			}
		}
	})
}
