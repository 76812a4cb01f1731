package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// edit changes lines of a file in the work tree, and commits all files.
func edit(t *testing.T, work, name string, lines map[int]string) {
	t.Helper()
	var text strings.Builder
	for i := range 30 {
		line, ok := lines[i]
		if !ok {
			line = fmt.Sprint("line ", i)
		}
		fmt.Fprintln(&text, line)
	}
	must(t, os.WriteFile(filepath.Join(work, name), []byte(text.String()), 0o644))
}

// Merges of commits that start at one commit are those of git. Attributes and ignored files in the tree change nothing.
func TestMergesOfChangesetsAreThoseOfGit(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	work := newRepository(t, t.TempDir(), "repo")
	for _, name := range []string{"both", "far", "ours", "theirs", "gone.ours", "gone.theirs"} {
		edit(t, work, name, nil)
	}
	must(t, os.WriteFile(filepath.Join(work, ".gitignore"), []byte("*.log\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(work, "kept.log"), []byte("1\n"), 0o755))
	run(t, work, "add", "--force", "--all")
	base := commit(t, work, "base")
	branches := map[string]string{}
	for i, side := range []string{"ours", "theirs", "third"} {
		run(t, work, "checkout", "-q", "-b", side, base)
		edit(t, work, "far", map[int]string{10 * i: side})
		if side != "third" {
			edit(t, work, "both", map[int]string{15: side})
			edit(t, work, side, map[int]string{3: side})
			must(t, os.Remove(filepath.Join(work, "gone."+side)))
		}
		must(t, os.MkdirAll(filepath.Join(work, "new", side), 0o755))
		must(t, os.WriteFile(filepath.Join(work, "new", side, "file.log"), []byte(side), 0o600))
		run(t, work, "add", "--force", "--all")
		run(t, work, "commit", "-q", "-m", side)
		branches[side] = run(t, work, "rev-parse", "HEAD")
	}
	before := c.Host().Directory(archived(t, work, base))
	changes := func(side string) *dagger.Changeset {
		return c.Host().Directory(archived(t, work, branches[side])).Changes(before)
	}
	merged := func(from string, args ...string) string {
		run(t, work, "checkout", "-q", "--detach", branches[from])
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b", "merge", "--quiet", "-m", "merge"}, args...)...)
		cmd.Dir = work
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git merge %q: %v\n%s", args, err, out)
		}
		return archived(t, work, run(t, work, "rev-parse", "HEAD"))
	}
	for on, option := range map[dagger.ChangesetMergeConflict]string{dagger.ChangesetMergeConflictPreferOurs: "ours", dagger.ChangesetMergeConflictPreferTheirs: "theirs"} {
		got := changes("ours").WithChangeset(changes("theirs"), dagger.ChangesetWithChangesetOpts{OnConflict: on})
		sameFiles(t, exported(t, got.After()), merged("ours", "-X", option, "theirs"))
		sameFiles(t, exported(t, before.WithChanges(got)), merged("ours", "-X", option, "theirs"))
	}
	sameFiles(t, exported(t, changes("ours").WithChangeset(changes("third")).After()), merged("ours", "third"))
	for _, err := range []error{
		failure(changes("ours").WithChangeset(changes("theirs")).Sync(ctx)),
		failure(changes("ours").WithChangesets([]*dagger.Changeset{changes("theirs"), changes("third")}).Sync(ctx)),
	} {
		testenv.WantError(t, err, "git [merge --no-edit --no-commit ", "]: exit status ")
	}
}

func failure[T any](_ T, err error) error { return err }

// The cases are those of Dagger's own test of merges.
func TestConflictsOfChangesets(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	base := c.Directory()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		base = base.WithNewFile(name, "initial "+name)
	}
	original := base.WithNewFile("a", "a in original").WithNewFile("b", "b in original").WithoutFile("c").
		WithNewFile("f", "f in original").WithNewFile("g", "g in original").Changes(base)
	other := base.WithNewFile("a", "a in other").WithoutFile("b").WithNewFile("c", "c in other").
		WithNewFile("f", "f in other").WithNewFile("e", "e in other").WithNewFile("i", "i in other").Changes(base)

	early := dagger.ChangesetWithChangesetOpts{OnConflict: dagger.ChangesetMergeConflictFailEarly}
	_, err := original.WithChangeset(other, early).Sync(ctx)
	testenv.WantError(t, err, `conflict between changesets at path "f": path added in both changesets`, `conflict between changesets at path "a": path modified in both changesets`,
		`conflict between changesets at path "b": path modified in one changeset and removed in the other`, `at path "c": path modified`)
	_, err = original.WithChangeset(base.WithNewFile("h", "h").Changes(base), early).Sync(ctx)
	must(t, err)
	_, err = original.WithChangeset(other).Sync(ctx)
	testenv.WantError(t, err, "git [merge --no-edit --no-commit theirs]: exit status 1", "Merge conflict in a")

	for on, want := range map[dagger.ChangesetMergeConflict]string{
		dagger.ChangesetMergeConflictPreferOurs:   "a=a in original b=b in original d=initial d e=e in other f=f in original g=g in original i=i in other",
		dagger.ChangesetMergeConflictPreferTheirs: "a=a in other c=c in other d=initial d e=e in other f=f in other g=g in original i=i in other",
		dagger.ChangesetMergeConflictLeaveConflictMarkers: "a=<<<<<<< HEAD\na in original\n=======\na in other\n>>>>>>> theirs\n b=b in original c=c in other d=initial d e=e in other" +
			" f=<<<<<<< HEAD\nf in original\n=======\nf in other\n>>>>>>> theirs\n g=g in original i=i in other",
	} {
		if got := contents(t, original.WithChangeset(other, dagger.ChangesetWithChangesetOpts{OnConflict: on}).After()); got != want {
			t.Errorf("%s: got %q, want %q", on, got, want)
		}
	}
}

// contents are the files of the directory, with their contents.
func contents(t *testing.T, d *dagger.Directory) string {
	t.Helper()
	names, err := d.Glob(t.Context(), "**")
	must(t, err)
	for i, name := range names {
		text, err := d.File(name).Contents(t.Context())
		must(t, err)
		names[i] = name + "=" + text
	}
	return strings.Join(names, " ")
}

func TestSeveralChangesets(t *testing.T) {
	ctx := t.Context()
	c := connect(t, t.TempDir())
	base := c.Directory().WithNewFile("a", "1").WithNewFile("b", "1").WithNewFile("c", "1").WithNewFile("d", "1")
	one := base.WithNewFile("a", "2").WithNewFile("x", "x").Changes(base)
	two := base.WithNewFile("b", "2").Changes(base)
	three := base.WithNewFile("c", "2").WithoutFile("d").Changes(base)
	const want = "a=2 b=2 c=2 x=x"
	for name, merged := range map[string]*dagger.Changeset{
		"together": one.WithChangesets([]*dagger.Changeset{two, three}), "from none": c.Changeset().WithChangesets([]*dagger.Changeset{one, two, three}),
		"one after the other": one.WithChangeset(two).WithChangesets([]*dagger.Changeset{three}).WithChangesets(nil),
	} {
		if got := contents(t, merged.After()); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if removed, err := merged.RemovedPaths(ctx); err != nil || strings.Join(removed, " ") != "d" {
			t.Errorf("%s: removed %q, %v", name, removed, err)
		}
	}
	early := dagger.ChangesetWithChangesetsOpts{OnConflict: dagger.ChangesetsMergeConflictFailEarly}
	_, err := one.WithChangesets([]*dagger.Changeset{two, base.WithNewFile("a", "3").Changes(base)}, early).Sync(ctx)
	testenv.WantError(t, err, `conflict with changeset 1: conflict between changesets at path "a"`)
	_, err = one.WithChangesets([]*dagger.Changeset{two, base.WithNewFile("b", "3").Changes(base)}, early).Sync(ctx)
	testenv.WantError(t, err, `conflict between changesets 0 and 1: conflict between changesets at path "b"`)
	if empty, err := c.Changeset().IsEmpty(ctx); err != nil || !empty {
		t.Errorf("a new changeset is not empty: %v", err)
	}
}
