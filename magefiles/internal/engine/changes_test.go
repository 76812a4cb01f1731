package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger.io/dagger"
)

func TestTheChangesOfRandomCommitsAreThoseOfGit(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	work := newRepository(t, t.TempDir(), "repo")
	for range 4 {
		first := run(t, work, "rev-parse", "HEAD")
		must(t, os.RemoveAll(filepath.Join(work, "a", "b c"))) // a folder at times
		second := commit(t, work, "next")
		a, b := c.Host().Directory(archived(t, work, first)), c.Host().Directory(archived(t, work, second))
		changes := b.Changes(a)
		for kind, paths := range map[string]func() ([]string, error){
			"A": func() ([]string, error) { return changes.AddedPaths(ctx) }, "MT": func() ([]string, error) { return changes.ModifiedPaths(ctx) },
		} {
			got, err := paths()
			must(t, err)
			got = slices.DeleteFunc(got, func(p string) bool { return strings.HasSuffix(p, "/") })
			want := strings.Split(strings.TrimSuffix(run(t, work, "-c", "core.quotePath=false", "diff", "--name-only", "-z", "--no-renames", "--diff-filter="+kind, first, second), "\x00"), "\x00")
			if want[0] == "" {
				want = nil
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", kind, got, want)
			}
		}
		sameFiles(t, exported(t, a.WithChanges(changes)), archived(t, work, second))
		patch, err := changes.AsPatch().Contents(ctx)
		must(t, err)
		sameFiles(t, exported(t, a.WithPatch(patch)), archived(t, work, second))
		sameFiles(t, exported(t, a.WithPatchFile(changes.AsPatch())), archived(t, work, second))
		target := archived(t, work, first)
		_, err = changes.Export(ctx, target)
		must(t, err)
		sameFiles(t, target, archived(t, work, second))
	}
}

func TestChangesOfFolders(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	a := c.Directory().WithNewFile("same", "1").WithNewFile("changed", "1").WithNewFile("gone/x", "1").WithNewFile("gone/deep/y", "1").WithNewFile("d/keep", "1")
	b := c.Directory().WithNewFile("same", "1").WithNewFile("changed", "2").WithNewDirectory("empty").WithNewFile("d/keep", "1").WithNewFile("d/run", "run", dagger.DirectoryWithNewFileOpts{Permissions: 0o755})
	changes := b.Changes(a)
	for want, paths := range map[string]func() ([]string, error){
		"d/run empty/":            func() ([]string, error) { return changes.AddedPaths(ctx) },
		"changed":                 func() ([]string, error) { return changes.ModifiedPaths(ctx) },
		"gone/":                   func() ([]string, error) { return changes.RemovedPaths(ctx) },
		"changed d/ d/run empty/": func() ([]string, error) { return changes.Layer().Glob(ctx, "**") },
		"d/keep d/run":            func() ([]string, error) { return a.WithChanges(changes).Glob(ctx, "d/*") },
	} {
		got, err := paths()
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	a, b = a.WithNewFile("long", strings.Repeat("a line\n", 20)), b.WithNewFile("moved", strings.Repeat("a line\n", 20)+"more\n")
	stats, err := b.Changes(a).DiffStats(ctx)
	must(t, err)
	var got []string
	for _, s := range stats {
		path, err := s.Path(ctx)
		must(t, err)
		old, err := s.OldPath(ctx)
		must(t, err)
		kind, err := s.Kind(ctx)
		must(t, err)
		added, err := s.AddedLines(ctx)
		must(t, err)
		removed, err := s.RemovedLines(ctx)
		must(t, err)
		got = append(got, fmt.Sprintf("%s %s%s+%d-%d", kind, path, old, added, removed))
	}
	want := []string{"MODIFIED changed+1-1", "ADDED d/run+1-0", "ADDED empty/+0-0", "REMOVED gone/+0-0", "REMOVED gone/deep/+0-0", "REMOVED gone/deep/y+0-1", "REMOVED gone/x+0-1", "RENAMED movedlong+1-0"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if empty, err := changes.IsEmpty(ctx); err != nil || empty {
		t.Errorf("empty: %t, %v", empty, err)
	}
	if empty, err := a.Changes(a.WithTimestamps(1)).IsEmpty(ctx); err != nil || !empty {
		t.Errorf("empty: %t, %v", empty, err)
	}
	if _, err := changes.Sync(ctx); err != nil {
		t.Error(err)
	}
}

func TestAPatchThatDoesNotApply(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	d := c.Directory().WithNewFile("f", "one\n")
	for name, patch := range map[string]string{
		"another text": "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-two\n+three\n", "outside": "--- a/../x\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n",
	} {
		if _, err := d.WithPatch(patch).Sync(ctx); err == nil || !strings.Contains(err.Error(), "git apply: exit status ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	got, err := d.WithPatch("").File("f").Contents(ctx)
	if err != nil || got != "one\n" {
		t.Errorf("an empty patch: %q, %v", got, err)
	}
}

// A directory may come from anywhere, also its folder .git: no filter of its configuration runs on this machine, and its work tree is no other folder.
func TestAPatchIgnoresTheRepositoryInTheDirectory(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	work, ran := t.TempDir(), filepath.Join(t.TempDir(), "ran")
	run(t, work, "init", "-q")
	run(t, work, "config", "filter.x.clean", "touch "+ran+"; cat")
	d := c.Host().Directory(work).WithNewFile(".gitattributes", "* filter=x\n").WithNewFile("f", "one\n")
	patch := "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-one\n+two\n"
	for _, worktree := range []string{"", "..", "../.."} {
		if worktree != "" {
			run(t, work, "config", "core.worktree", worktree)
			d = d.WithDirectory(".git", c.Host().Directory(filepath.Join(work, ".git")))
		}
		if got, err := d.WithPatch(patch).File("f").Contents(ctx); err != nil || got != "two\n" {
			t.Errorf("work tree %q: got %q, %v", worktree, got, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a command of the directory ran")
	}
}

// Repositories in the directories are folders as all others, except for their folders .git.
func TestAPatchHasTheFilesOfNestedRepositories(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	repository := newRepository(t, t.TempDir(), "inner")
	for name, d := range map[string]*dagger.Directory{
		"a commit": c.Host().Directory(repository), "no commit": c.Directory().WithDirectory(".git", c.Host().Directory(repository+"/.git").WithoutDirectory("refs").WithNewFile("refs/x", "")),
		"a file .git": c.Directory().WithNewFile(".git", "gitdir: /nowhere\n"),
	} {
		a := c.Directory().WithDirectory("sub/inner", d).WithNewFile("sub/inner/f", "one\n")
		b := a.WithNewFile("sub/inner/f", "two\n")
		patch, err := b.Changes(a).AsPatch().Contents(ctx)
		if err != nil || !strings.Contains(patch, "-one\n+two\n") {
			t.Errorf("%s: got %q, %v", name, patch, err)
		}
	}
}

// Changes of a name with odd characters, of a mode alone, and of the kind of a file arrive.
func TestOddChangesArrive(t *testing.T) {
	c := connect(t, t.TempDir())
	a, b := t.TempDir(), t.TempDir()
	names := []string{"!x", " x", "x ", "a*b", "[x]", `back\slash`, `q"uote`, "ü", "tab\tx", "#x", "-x", "line\nend", "$X"}
	for _, name := range names {
		must(t, os.WriteFile(filepath.Join(a, name), []byte("one\n"), 0o644))
		must(t, os.WriteFile(filepath.Join(b, name), []byte("two\n"), 0o644))
		must(t, os.WriteFile(filepath.Join(b, "new"+name+"new"), []byte("two\n"), 0o644))
	}
	for dir, mode := range map[string]os.FileMode{a: 0o644, b: 0o755} {
		must(t, os.WriteFile(filepath.Join(dir, "mode"), []byte("same"), mode))
	}
	must(t, os.WriteFile(filepath.Join(a, "kind"), []byte("file"), 0o644))
	must(t, os.MkdirAll(filepath.Join(b, "kind"), 0o755))
	must(t, os.WriteFile(filepath.Join(b, "kind", "file"), nil, 0o644))
	must(t, os.Symlink("mode", filepath.Join(a, "link")))
	must(t, os.WriteFile(filepath.Join(b, "link"), []byte("mode"), 0o644))
	before, after := c.Host().Directory(a), c.Host().Directory(b)
	changes := after.Changes(before)
	sameFiles(t, exported(t, before.WithChanges(changes)), b)
	sameFiles(t, exported(t, before.WithPatchFile(changes.AsPatch())), b)
	_, err := changes.Export(t.Context(), a)
	must(t, err)
	sameFiles(t, a, b)
}
