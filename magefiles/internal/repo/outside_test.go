package repo

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestSameOutside compares with git diff --quiet.
func TestSameOutside(t *testing.T) {
	c, _ := tree(t)
	var commits []string
	for _, name := range []string{"argocd/a.yaml", "argocdx/b.yaml", "argocd/b/c.yaml", "", "argocd/a.yaml"} {
		if name != "" {
			c.write(name, name+c.git("rev-parse", "HEAD"))
			c.git("add", "--all")
		}
		c.git("commit", "-q", "--allow-empty", "-m", "go on")
		commits = append(commits, c.git("rev-parse", "HEAD"))
	}
	head := commits[4]
	var want []string
	for i := 3; i >= 0 && c.git("diff", "--name-only", commits[i], head, "--", ".", ":!argocd") == ""; i-- {
		want = append(want, commits[i])
	}
	got, err := c.open().SameOutside(t.Context(), head, "argocd")
	if err != nil || !slices.Equal(got, want) || len(want) != 3 {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := c.open().SameOutside(t.Context(), commits[1], "argocd"); err != nil || len(got) > 0 {
		t.Errorf("of a commit that changes more: %q, %v", got, err)
	}
	shallow := c.at(filepath.Join(t.TempDir(), "shallow"))
	c.git("clone", "-q", "--depth=2", "file://"+c.dir, shallow.dir)
	if got, err := shallow.open().SameOutside(t.Context(), head, "argocd"); err != nil || !slices.Equal(got, want[:1]) {
		t.Errorf("in a shallow clone: %q, %v", got, err)
	}
}
