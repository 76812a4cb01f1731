package promote_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin/origintest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/promote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// everything is a registry that has every image.
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

func cloneOf(t *testing.T, bare string) clone {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	runGit(t, "", "clone", "--quiet", "--no-local", bare, dir) // a local clone copies files, and fails if a push moves them meanwhile
	return clone{origintest.Of(t, dir), dir}
}

// clone is a clone with its folder.
type clone struct {
	*origin.Origin
	dir string
}

// TestPromoteWithGit has three clones promote one image each concurrently, in one file with Windows line ends.
func TestPromoteWithGit(t *testing.T) {
	t.Parallel()
	bare := filepath.Join(t.TempDir(), "origin.git")
	runGit(t, "", "init", "--quiet", "--bare", "--initial-branch=main", bare)
	seed := cloneSeed(t, bare)
	names := []string{"a", "b", "c"}
	var group sync.WaitGroup
	var clones []clone
	for _, name := range names {
		one := cloneOf(t, bare)
		clones = append(clones, one)
		task := promote.Promote{Origin: one, Registry: everything{}, Host: "registry.example", Namespace: "blumeops", Manifests: "argocd"}
		group.Go(func() {
			if got, err := task.Run(t.Context(), tasks.PromoteArgs{Name: name, Version: "v2.0.0"}); err != nil || got.Status != promote.StatusPromoted {
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
	for _, one := range clones {
		if changed := runGit(t, one.dir, "status", "--porcelain"); changed != "" {
			t.Errorf("left: %s", changed)
		}
		if runGit(t, one.dir, "rev-parse", "HEAD") != seed {
			followed++
		}
	}
	if followed == 0 {
		t.Error("no checkout was brought along")
	}
}

// TestPromoteRepairsTheClone ends a promotion between its push and its checkout, and one that lost a race: the same command again updates
// the clone, so that git itself accepts the next push.
func TestPromoteRepairsTheClone(t *testing.T) {
	t.Parallel()
	bare := filepath.Join(t.TempDir(), "origin.git")
	runGit(t, "", "init", "--quiet", "--bare", "--initial-branch=main", bare)
	cloneSeed(t, bare)
	ended, other := cloneOf(t, bare), cloneOf(t, bare)
	runOne := func(ctx context.Context, origin gitops.Origin, name string) (promote.Result, error) {
		p := promote.Promote{Origin: origin, Registry: everything{}, Host: "registry.example", Namespace: "blumeops", Manifests: "argocd"}
		return p.Run(ctx, tasks.PromoteArgs{Name: name, Version: "v2.0.0"})
	}
	ctx, end := context.WithCancel(t.Context())
	if got, err := runOne(ctx, endedOrigin{ended, end}, "a"); err == nil {
		t.Fatalf("it was not ended: %+v", got)
	}
	if got, err := runOne(t.Context(), other, "b"); err != nil || got.Status != promote.StatusPromoted { // from behind
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := runOne(t.Context(), ended, "a"); err != nil || got.Status != step.StatusUnchanged {
		t.Fatalf("again: %+v, %v", got, err)
	}
	for _, c := range []clone{ended, other} {
		if changed := runGit(t, c.dir, "status", "--porcelain"); changed != "" {
			t.Errorf("left: %s", changed)
		}
		if c.dir == ended.dir {
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

// endedOrigin ends a run after its push, before the checkout is touched.
type endedOrigin struct {
	clone
	end func()
}

func (o endedOrigin) FastForward(ctx context.Context, _, _, _ string) (string, error) {
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
