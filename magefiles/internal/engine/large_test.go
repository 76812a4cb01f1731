package engine_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// lines are more than one message of BuildKit can contain.
func lines(word string) string {
	var text bytes.Buffer
	for i := 0; text.Len() < 17<<20; i++ {
		fmt.Fprintf(&text, "%s in line %d\n", word, i)
	}
	return text.String()
}

// Contents beyond the limit of a message are sent as files.
func TestLargeContents(t *testing.T) {
	testenv.Slow(t, "sends 17 MB several times")
	ctx := t.Context()
	work := newRepository(t, t.TempDir(), "repo")
	write := func(name, text string) { must(t, os.WriteFile(filepath.Join(work, name), []byte(text), 0o755)) }
	write("large", lines("old"))
	first := commit(t, work, "large")
	write("large", lines("new"))
	write("other", "added\n")
	second := commit(t, work, "changed")
	write("large", lines("newer"))
	must(t, os.Remove(filepath.Join(work, "other")))

	c := connect(t, t.TempDir())
	a, b := c.Host().Directory(archived(t, work, first)), c.Host().Directory(archived(t, work, second))
	changes := b.Changes(a)
	want := archived(t, work, second)
	for name, got := range map[string]*dagger.Directory{
		"withChanges":   a.WithChanges(changes),
		"withPatchFile": a.WithPatchFile(changes.AsPatch()),
		"withChangesets": a.WithChanges(changes.WithChangesets([]*dagger.Changeset{
			c.Directory().WithNewFile("third", "x").Changes(c.Directory()),
		})).WithoutFile("third"),
	} {
		t.Run(name, func(t *testing.T) { sameFiles(t, exported(t, got), want) })
	}
	t.Run("uncommitted", func(t *testing.T) {
		uncommitted := c.Host().Directory(work).AsGit().Uncommitted()
		before, err := os.ReadFile(filepath.Join(exported(t, uncommitted.Before()), "large"))
		must(t, err)
		if string(before) != lines("new") {
			t.Errorf("before: %d bytes", len(before))
		}
		modified, err := uncommitted.ModifiedPaths(ctx)
		must(t, err)
		removed, err := uncommitted.RemovedPaths(ctx)
		must(t, err)
		if got := strings.Join(append(modified, removed...), " "); got != "large other" {
			t.Errorf("changed: %s", got)
		}
	})
	t.Run("new files", func(t *testing.T) {
		d := c.Directory().WithNewFile("deep/file", "small", dagger.DirectoryWithNewFileOpts{Permissions: 0o750}).
			WithNewFile("deep/file", lines("replaced")). // keeps its mode
			WithFile("file", c.File("file", lines("single"), dagger.FileOpts{Permissions: 0o700})).
			WithFile("text", c.File("text", lines("word")).WithReplaced("word in line 7\n", "WORD\n"))
		dir := exported(t, d)
		for name, want := range map[string]struct {
			text string
			mode os.FileMode
		}{
			"deep/file": {lines("replaced"), 0o750}, "file": {lines("single"), 0o700},
			"text": {strings.Replace(lines("word"), "word in line 7\n", "WORD\n", 1), 0o644},
		} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			must(t, err)
			info, err := os.Stat(filepath.Join(dir, name))
			must(t, err)
			if string(text) != want.text || info.Mode().Perm() != want.mode {
				t.Errorf("%s: %d bytes with mode %o, want %d with %o", name, len(text), info.Mode().Perm(), len(want.text), want.mode)
			}
		}
	})
}

// asUserAlone marks the process of a user without any rights of root.
const asUserAlone = "BLUMEOPS_TEST_USER_ALONE"

// A user without the rights of root compares and searches directories whose folders and files do not allow it.
func TestFoldersThatMayNotBeWritten(t *testing.T) {
	switch {
	case os.Geteuid() == 0:
		enginetest.AsUser(t, t.Name())
		return
	case os.Getenv(asUserAlone) == "": // AsUser has a right of root: to write everywhere
		connect(t, t.TempDir()) // starts the engine
		self, err := os.Executable()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), testenv.Program(t, "setpriv", "apt-get install util-linux"), "--inh-caps=-dac_override", "--ambient-caps=-dac_override", self, "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), asUserAlone+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	ctx := t.Context()
	closed := t.TempDir()
	must(t, os.Chmod(closed, 0o555))
	if err := os.WriteFile(filepath.Join(closed, "x"), nil, 0o600); err == nil {
		t.Fatal("this user may write everywhere")
	}
	c := connect(t, t.TempDir())
	a := c.Directory().WithNewDirectory("closed/deep", dagger.DirectoryWithNewDirectoryOpts{Permissions: 0o555}).
		WithNewFile("closed/deep/file", "one\n", dagger.DirectoryWithNewFileOpts{Permissions: 0o444}).
		WithNewFile("closed/deep/secret", "two\n", dagger.DirectoryWithNewFileOpts{Permissions: 0o200})
	b := a.WithNewFile("closed/deep/file", "changed\n")
	changes := b.Changes(a)
	paths, err := changes.ModifiedPaths(ctx)
	must(t, err)
	if strings.Join(paths, " ") != "closed/deep/file" {
		t.Errorf("modified: %q", paths)
	}
	patch, err := changes.AsPatch().Contents(ctx)
	must(t, err)
	patched := a.WithPatch(patch)
	text, err := patched.File("closed/deep/file").Contents(ctx)
	if err != nil || text != "changed\n" {
		t.Errorf("patched: %q, %v", text, err)
	}
	if mode, err := patched.Stat("closed/deep").Permissions(ctx); err != nil || mode != 0o555 {
		t.Errorf("the folder has mode %o, %v", mode, err)
	}
	found, err := a.Search(ctx, "two")
	if err != nil || len(found) != 1 {
		t.Errorf("found %d, %v", len(found), err)
	}
}
