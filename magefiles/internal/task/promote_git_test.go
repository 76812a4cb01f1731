package task_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	gitrepo "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// gitOrigin is a clone of a bare repository.
type gitOrigin struct {
	task.Origin // what a promotion has no use for
	dir         string
	git         *gitrepo.Repo
	remote      *gitrepo.Remote
}

func (o gitOrigin) CheckPush(ctx context.Context) error { return o.remote.PushRight(ctx) }

func (o gitOrigin) Look(ctx context.Context) (task.Heads, error) {
	head, err := o.remote.Fetch(ctx, "main")
	return task.Heads{Branch: "main", Commit: head.Hash}, err
}

func (o gitOrigin) Push(ctx context.Context, p task.PushRequest) error {
	err := o.remote.Push(ctx, gitrepo.PushOptions{Branch: p.Branch, Old: p.Base, New: p.Commit})
	if errors.Is(err, gitrepo.ErrRace) {
		return &task.RaceError{Err: err}
	}
	return err
}

func (o gitOrigin) Files(commit string) (fs.FS, error) { return o.git.Snapshot(commit) }

func (o gitOrigin) Contains(ctx context.Context, commit, ancestor string) (bool, error) {
	return o.git.Contains(ctx, commit, ancestor)
}

func (o gitOrigin) Commit(ctx context.Context, base string, changes []task.Change, message string, when time.Time) (string, error) {
	theirs := make([]gitrepo.Change, len(changes))
	for i, c := range changes {
		theirs[i] = gitrepo.Change{Path: c.Path, Content: c.Content}
	}
	return o.git.Commit(ctx, base, theirs, gitrepo.CommitOptions{Message: message, Name: "Test", Email: "test@example.com", When: when})
}

func (o gitOrigin) Adopt(ctx context.Context, branch, base, commit string) (string, error) {
	o.remote.Follow(branch, commit)
	return o.git.FastForward(ctx, branch, base, commit)
}

// everything is a registry that holds all.
type everything struct{ shelf }

func (everything) Look(context.Context, image.Reference) (image.Found, bool, error) {
	return image.Found{Digest: digestTwo}, true, nil
}

func runGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "core.autocrlf=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func cloneOf(t *testing.T, bare string) gitOrigin {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	runGit(t, "", "clone", "--quiet", "--no-local", bare, dir) // a local one copies files, and fails if a push moves them meanwhile
	git, err := gitrepo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := git.Remote(gitrepo.RemoteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return gitOrigin{dir: dir, git: git, remote: remote}
}

// TestPromoteWithGit has three clones promote an image each at once, in one file with the ends of lines of Windows.
func TestPromoteWithGit(t *testing.T) {
	t.Parallel()
	bare := filepath.Join(t.TempDir(), "origin.git")
	runGit(t, "", "init", "--quiet", "--bare", "--initial-branch=main", bare)
	seed := cloneSeed(t, bare)
	names := []string{"a", "b", "c"}
	var group sync.WaitGroup
	var clones []gitOrigin
	for _, name := range names {
		clone := cloneOf(t, bare)
		clones = append(clones, clone)
		promote := task.Promote{Origin: clone, Registry: everything{}, Host: "registry.example", Namespace: "blumeops", Manifests: "argocd"}
		group.Go(func() {
			if got, err := promote.Run(t.Context(), task.PromoteArgs{Name: name, Version: "v2.0.0"}); err != nil || got.Status != task.StatusPromoted {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
	group.Wait()
	log := runGit(t, bare, "log", "--reverse", "--format=%s", seed+"..main")
	if strings.Count(log, "Promote ") != 3 || strings.Count(log, "\n") != 2 {
		t.Errorf("commits:\n%s", log)
	}
	want := strings.ReplaceAll(gitKustomization, "newTag: v1 # c\r\n", "newTag: v2.0.0 # c\r\n    digest: "+digestTwo+"\r\n")
	if got := runGit(t, bare, "show", "main:argocd/kustomization.yaml"); got != strings.TrimSpace(want) {
		t.Errorf("got %q", got)
	}
	followed := 0
	for _, clone := range clones {
		if changed := runGit(t, clone.dir, "status", "--porcelain"); changed != "" {
			t.Errorf("left: %s", changed)
		}
		if runGit(t, clone.dir, "rev-parse", "HEAD") != seed {
			followed++
		}
	}
	if followed == 0 {
		t.Error("no checkout was brought along")
	}
}

// TestPromoteRepairsTheClone ends a promotion between its push and its checkout, and one that lost a race: the same command again brings the
// clone along, so that git itself takes the next push.
func TestPromoteRepairsTheClone(t *testing.T) {
	t.Parallel()
	bare := filepath.Join(t.TempDir(), "origin.git")
	runGit(t, "", "init", "--quiet", "--bare", "--initial-branch=main", bare)
	cloneSeed(t, bare)
	clone, other := cloneOf(t, bare), cloneOf(t, bare)
	promote := func(ctx context.Context, origin task.Origin, name string) (task.Promoted, error) {
		p := task.Promote{Origin: origin, Registry: everything{}, Host: "registry.example", Namespace: "blumeops", Manifests: "argocd"}
		return p.Run(ctx, task.PromoteArgs{Name: name, Version: "v2.0.0"})
	}
	ctx, end := context.WithCancel(t.Context())
	if got, err := promote(ctx, endedOrigin{clone, end}, "a"); err == nil {
		t.Fatalf("it was not ended: %+v", got)
	}
	if got, err := promote(t.Context(), other, "b"); err != nil || got.Status != task.StatusPromoted { // from behind
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := promote(t.Context(), clone, "a"); err != nil || got.Status != task.StatusUnchanged {
		t.Fatalf("again: %+v, %v", got, err)
	}
	for _, c := range []gitOrigin{clone, other} {
		if changed := runGit(t, c.dir, "status", "--porcelain"); changed != "" {
			t.Errorf("left: %s", changed)
		}
		if c.dir == clone.dir {
			at := runGit(t, bare, "rev-parse", "main")
			if head, tracked := runGit(t, c.dir, "rev-parse", "HEAD"), runGit(t, c.dir, "rev-parse", "origin/main"); head != at || tracked != at {
				t.Errorf("the clone is at %s and knows of %s; main is %s", head, tracked, at)
			}
		}
		runGit(t, c.dir, "pull", "--quiet", "--ff-only")
		runGit(t, c.dir, "commit", "--quiet", "--allow-empty", "--message=Go on")
		runGit(t, c.dir, "push", "--quiet", "origin", "main")
	}
}

// endedOrigin ends a run once it has pushed, before the checkout is touched.
type endedOrigin struct {
	gitOrigin
	end func()
}

func (o endedOrigin) Adopt(ctx context.Context, _, _, _ string) (string, error) {
	o.end()
	return "", context.Cause(ctx)
}

const gitKustomization = "images:\r\n  - name: registry.example/blumeops/a\r\n    newTag: v1 # c\r\n  - name: registry.example/blumeops/b\r\n    newTag: v1 # c\r\n" +
	"  - name: registry.example/blumeops/c\r\n    newTag: v1 # c\r\n"

// cloneSeed pushes the first commit.
func cloneSeed(t *testing.T, bare string) string {
	t.Helper()
	dir := t.TempDir()
	runGit(t, dir, "init", "--quiet", "--initial-branch=main", ".")
	if err := os.Mkdir(filepath.Join(dir, "argocd"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "argocd", "kustomization.yaml"), []byte(gitKustomization), 0o644); err != nil {
		t.Fatal(err)
	}
	runGit(t, dir, "add", "--all")
	runGit(t, dir, "commit", "--quiet", "--message=Begin")
	runGit(t, dir, "push", "--quiet", bare, "main")
	return runGit(t, dir, "rev-parse", "HEAD")
}
