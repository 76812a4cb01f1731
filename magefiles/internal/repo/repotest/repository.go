// Package repotest makes git repositories, for tests.
package repotest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Repository is a git repository in a temporary folder.
type Repository struct {
	T    testing.TB
	Dir  string
	time int
}

func New(t testing.TB) *Repository {
	t.Helper()
	testenv.Program(t, "git", "apt-get install git")
	c := &Repository{T: t, Dir: t.TempDir()}
	c.Git("init", "-q", "-b", "main")
	return c
}

func (c *Repository) Git(args ...string) string {
	c.T.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = c.Dir
	c.time++
	when := fmt.Sprintf("%d +0000", 1700000000+c.time)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.org", "GIT_AUTHOR_DATE=" + when, "GIT_COMMITTER_DATE=" + when,
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.T.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit writes files, given as path and content in turn; without content a file is deleted.
func (c *Repository) Commit(files ...string) string {
	c.T.Helper()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(c.Dir, files[i])
		if files[i+1] == "" {
			if err := os.Remove(name); err != nil {
				c.T.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			c.T.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			c.T.Fatal(err)
		}
	}
	c.Git("add", "-A")
	c.Git("commit", "-q", "--allow-empty", "-m", "commit")
	return c.Git("rev-parse", "HEAD")
}
