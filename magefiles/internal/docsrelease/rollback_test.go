package docsrelease_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops/gitopstest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// twoReleases is a state with v0.1.0 and v0.1.1.
func twoReleases(t *testing.T) *fixture {
	t.Helper()
	w := newFixture()
	w.releaser().mustRelease(t, "patch")
	w.CommitOnMain("docs/index.md", "# Bad\n")
	w.releaser().mustRelease(t, "patch")
	return w
}

func TestRollback(t *testing.T) {
	w := twoReleases(t)
	r, tags := w.releaser(), len(w.Tags)
	before := w.Branch
	got, err := r.rollback("v0.1.0")
	if err != nil || got.Status != docsrelease.StatusRolledBack || got.Commit != w.Branch || w.served() != "v0.1.0" || r.Head != w.Branch {
		t.Fatalf("%+v, %v, serves %s", got, err, w.served())
	}
	head := w.Commits[w.Branch]
	if head.Parent != before || head.Message != "Roll docs back to v0.1.0 [skip ci]\n" || len(w.Tags) != tags {
		t.Errorf("%+v, tags %v", head, w.Tags)
	}
	for name, text := range w.Commits[before].Files {
		if name != docsManifestFile && head.Files[name] != text {
			t.Errorf("%s changed", name)
		}
	}
	if head.Files[docsManifestFile] != w.Commits[w.Tags["v0.1.0"]].Files[docsManifestFile] {
		t.Error("the manifest is not that of v0.1.0")
	}
	if again, err := r.rollback("v0.1.0"); err != nil || again.Status != step.StatusUnchanged || again.Commit != got.Commit {
		t.Errorf("again: %+v, %v", again, err)
	}
	if forward, err := r.rollback("v0.1.1"); err != nil || forward.Status != docsrelease.StatusRolledBack || w.served() != "v0.1.1" {
		t.Errorf("forward: %+v, %v", forward, err)
	}
}

func TestRollbackRefuses(t *testing.T) {
	w := twoReleases(t)
	w.Tags["v0.0.9"] = w.Commits[w.Tags["v0.1.0"]].Parent
	before := w.state()
	for version, want := range map[string][]string{
		"patch": {"version"}, "": {"version"}, "dev": {"expected vX.Y.Z"}, "-dryrun": {"flags come after"}, "v9.9.9": {"tag v9.9.9 not found"},
		"v0.0.9": {"the manifest at v0.0.9 names", "not a package of that version"},
	} {
		_, err := w.releaser().rollback(version)
		testenv.WantError(t, err, want...)
	}
	clear(w.packages["v0.1.0"])
	_, err := w.releaser().rollback("v0.1.0")
	testenv.WantError(t, err, "does not have docs-v0.1.0-")
	if after := w.state(); strings.Split(before, "file")[0] != strings.Split(after, "file")[0] {
		t.Errorf("was\n%s\nis\n%s", before, after)
	}
}

// TestRollbackToARetiredVersion has the package removed by the release itself.
func TestRollbackToARetiredVersion(t *testing.T) {
	w := twoReleases(t)
	keeping := w.releaser()
	keeping.keep = 1
	w.CommitOnMain("docs/index.md", "# Third\n")
	keeping.mustRelease(t, "patch")
	if _, err := (docsrelease.Rollback{Systems: w.releaser().docs(), Keep: 1}).Run(t.Context(), "v0.1.0"); err == nil {
		t.Fatal("it was rolled back")
	} else {
		testenv.WantError(t, err, "the package of v0.1.0 was removed: DocsKeep (BLUMEOPS_DOCS_KEEP) keeps those of the newest 1 versions")
		var hinter interface{ Hint() string }
		if !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), "roll back to one of v0.1.2;") {
			t.Errorf("%v has no such hint", err)
		}
	}
	clear(w.packages["v0.1.2"])
	_, err := docsrelease.Rollback{Systems: w.releaser().docs(), Keep: 1}.Run(t.Context(), "v0.1.2")
	testenv.WantError(t, err, "does not have docs-v0.1.2-") // it should have been kept, and so was lost
}

func TestRollbackDryRun(t *testing.T) {
	w := twoReleases(t)
	before := w.state()
	var plan []string
	got, err := docsrelease.Rollback{Systems: w.releaser().docs()}.DryRun(func(s string) { plan = append(plan, s) }).Run(context.Background(), "v0.1.0")
	if err != nil || got.Status != step.StatusPlanned || w.state() != before {
		t.Errorf("%+v, %v\n%s", got, err, w.state())
	}
	text := strings.Join(plan, "\n")
	for _, want := range []string{"Roll docs back to v0.1.0 [skip ci]", "+              value: " + got.URL, "would push main in one step", "serves v0.1.0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan\n%s\nlacks %q", text, want)
		}
	}
}

// TestRollbackKilled kills a rollback at each call, before and after its effect, and runs it again.
func TestRollbackKilled(t *testing.T) {
	want := twoReleases(t)
	whole := want.releaser()
	calls := gitopstest.Counted(whole.Checkout)
	if _, err := whole.rollback("v0.1.0"); err != nil {
		t.Fatal(err)
	}
	for at := range *calls {
		w := twoReleases(t)
		victim := w.releaser()
		victim.Gate = gitopstest.KillAt(at)
		if _, err := victim.rollback("v0.1.0"); err != gitopstest.ErrKilled { //nolint:errorlint // it is not wrapped
			t.Fatalf("at %d: %v", at, err)
		}
		again := w.releaser()
		again.Head = victim.Head
		if _, err := again.rollback("v0.1.0"); err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
		if got := w.state(); got != want.state() || again.Head != w.Branch {
			t.Errorf("at %d: the checkout is at %s, got\n%s\nwant\n%s", at, again.Head, got, want.state())
		}
	}
}

func TestRollbackRaces(t *testing.T) {
	w := twoReleases(t)
	r, raced := w.releaser(), 0
	r.Gate = func(call string, before bool) {
		if call == "Push" && before && raced < 3 {
			raced++
			w.CommitOnMain("docs/other.md", strings.Repeat("x", raced))
		}
	}
	if got, err := r.rollback("v0.1.0"); err != nil || got.Commit != w.Branch || w.served() != "v0.1.0" {
		t.Errorf("%+v, %v", got, err)
	}
	if w.Commits[w.Branch].Files["docs/other.md"] != "xxx" {
		t.Error("what others pushed is lost")
	}
}
