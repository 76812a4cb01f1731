package task_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// gitForge is a real bare repository and a clone of it.
type gitForge struct {
	origin.Tags
	t           *testing.T
	far, here   string
	beforePush  func()
	denied      error  // of CheckTag
	protected   string // name of a tag that may not be made
	notes, plan []string
}

func newGitForge(t *testing.T) *gitForge {
	t.Helper()
	testenv.Program(t, "git", "apt-get install git")
	g := &gitForge{t: t, far: filepath.Join(t.TempDir(), "far.git"), here: filepath.Join(t.TempDir(), "here")}
	g.git(".", "init", "-q", "--bare", "-b", "main", g.far)
	g.git(".", "clone", "-q", g.far, g.here)
	g.write("containers/nettest/main.go", "//blumeops:version 0.1.0\npackage main\n")
	g.commit("begin")
	g.git(g.here, "remote", "set-head", "origin", "main")
	g.Tags.Origin = originOf(t, g.here)
	return g
}

func (g *gitForge) git(dir string, args ...string) string {
	g.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.org", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (g *gitForge) write(name, text string) {
	g.t.Helper()
	file := filepath.Join(g.here, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		g.t.Fatal(err)
	}
}

// commit makes a commit and pushes it.
func (g *gitForge) commit(text string) string {
	g.t.Helper()
	g.write("notes.txt", text)
	g.git(g.here, "add", "-A")
	g.git(g.here, "commit", "-q", "-m", text)
	g.git(g.here, "push", "-q", "origin", "main")
	return g.head()
}

func (g *gitForge) head() string { return g.git(g.here, "rev-parse", "HEAD") }

// tags are the tags on the forge, with their commits.
func (g *gitForge) tags() []string {
	return strings.Fields(g.git(g.far, "for-each-ref", "--format=%(refname:strip=2)=%(*objectname)%(objecttype)", "refs/tags"))
}

// CheckTag is refused if the test says so.
func (g *gitForge) CheckTag(ctx context.Context, name string) error {
	if g.protected != "" && g.protected == name {
		return errors.New(name + " is protected")
	}
	return errors.Join(g.denied, g.Tags.CheckTag(ctx, name))
}

func (g *gitForge) PushTag(ctx context.Context, name, object string) error {
	if g.beforePush != nil {
		g.beforePush()
	}
	return g.Tags.PushTag(ctx, name, object)
}
