package publishtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin/origintest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// Forge is a real bare repository and a clone of it.
type Forge struct {
	origin.Tags
	T           *testing.T
	Far, Here   string
	BeforePush  func()
	Denied      error  // of CheckTag
	Protected   string // name of a tag that may not be made
	Notes, Plan []string
}

func NewForge(t *testing.T) *Forge {
	t.Helper()
	testenv.Program(t, "git", "apt-get install git")
	g := &Forge{T: t, Far: filepath.Join(t.TempDir(), "far.git"), Here: filepath.Join(t.TempDir(), "here")}
	g.RunGit(".", "init", "-q", "--bare", "-b", "main", g.Far)
	g.RunGit(".", "clone", "-q", g.Far, g.Here)
	g.Write("containers/nettest/main.go", "//blumeops:version 0.1.0\npackage main\n")
	g.CommitAndPush("begin")
	g.RunGit(g.Here, "remote", "set-head", "origin", "main")
	g.Tags.Origin = origintest.Of(t, g.Here)
	return g
}

func (g *Forge) RunGit(dir string, args ...string) string {
	g.T.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + g.T.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.org", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.T.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (g *Forge) Write(name, text string) {
	g.T.Helper()
	file := filepath.Join(g.Here, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		g.T.Fatal(err)
	}
}

// CommitAndPush makes a commit and pushes it.
func (g *Forge) CommitAndPush(text string) string {
	g.T.Helper()
	g.Write("notes.txt", text)
	g.RunGit(g.Here, "add", "-A")
	g.RunGit(g.Here, "commit", "-q", "-m", text)
	g.RunGit(g.Here, "push", "-q", "origin", "main")
	return g.Head()
}

func (g *Forge) Head() string { return g.RunGit(g.Here, "rev-parse", "HEAD") }

// TagsOnForge are the tags on the forge, with their commits.
func (g *Forge) TagsOnForge() []string {
	return strings.Fields(g.RunGit(g.Far, "for-each-ref", "--format=%(refname:strip=2)=%(*objectname)%(objecttype)", "refs/tags"))
}

// CheckTag is refused if the test says so.
func (g *Forge) CheckTag(ctx context.Context, name string) error {
	if g.Protected != "" && g.Protected == name {
		return errors.New(name + " is protected")
	}
	return errors.Join(g.Denied, g.Tags.CheckTag(ctx, name))
}

func (g *Forge) PushTag(ctx context.Context, name, object string) error {
	if g.BeforePush != nil {
		g.BeforePush()
	}
	return g.Tags.PushTag(ctx, name, object)
}
