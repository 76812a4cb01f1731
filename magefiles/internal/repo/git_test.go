package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// clone is a real checkout for a test, driven by the git command.
type clone struct {
	t    testing.TB
	dir  string
	home string
}

func newClone(t testing.TB) *clone {
	t.Helper()
	testenv.Program(t, "git", "apt-get install git")
	c := &clone{t: t, dir: t.TempDir(), home: t.TempDir()}
	c.git("init", "-q", "-b", "main")
	return c
}

// env is the environment of both git and WithEnvironment.
func (c *clone) env(key string) string {
	return map[string]string{"HOME": c.home, "GIT_CONFIG_SYSTEM": filepath.Join(c.home, "system")}[key]
}

// at is another checkout of the same user.
func (c *clone) at(dir string) *clone { return &clone{t: c.t, dir: dir, home: c.home} }

func (c *clone) command(args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = c.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.home, "GIT_CONFIG_SYSTEM=" + c.env("GIT_CONFIG_SYSTEM"),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.org",
		"GIT_COMMITTER_DATE=2026-03-01T12:30:45+01:00", "GIT_ALLOW_PROTOCOL=file",
	}
	return cmd
}

func (c *clone) git(args ...string) string {
	c.t.Helper()
	out, err := c.command(args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *clone) write(name, content string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clone) commit(message string) string {
	c.t.Helper()
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", message)
	return c.git("rev-parse", "HEAD")
}

func (c *clone) open() *Repo {
	c.t.Helper()
	r, err := Open(c.dir, WithEnvironment(c.env))
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// settle sets files' times into the past and refreshes the index, so that git trusts its cached times.
func (c *clone) settle(names ...string) {
	c.t.Helper()
	past := time.Now().Add(-time.Hour)
	for _, n := range names {
		if err := os.Chtimes(filepath.Join(c.dir, n), past, past); err != nil {
			c.t.Fatal(err)
		}
	}
	_ = c.command("update-index", "-q", "--refresh").Run() // fails if something differs
}

// status is the list of git status, run as a user runs it: each path once, sorted. It does not touch the index, and neither
// does Changed.
func (c *clone) status(under ...string) []string {
	c.t.Helper()
	args := append([]string{"--no-optional-locks", "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--"}, under...)
	cmd := c.command(args...)
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("git status: %v", err)
	}
	list := []string{}
	for line := range strings.SplitSeq(string(out), "\x00") {
		if len(line) > 3 {
			list = append(list, line[3:])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// agree asserts that Changed and Files agree with git, and that there are changes if the test expects some.
func (c *clone) agree(under ...string) []string {
	c.t.Helper()
	got, err := c.open().Changed(c.t.Context(), under...)
	if err != nil {
		c.t.Fatal(err)
	}
	if want := c.status(under...); !slices.Equal(got, want) {
		c.t.Errorf("Changed(%q)\n got %q\ngit says %q", under, got, want)
	}
	c.agreeOnFiles()
	return got
}
