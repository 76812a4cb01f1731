package docsrelease_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops/gitopstest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// killWorlds are the initial states in which releases are killed.
var killWorlds = map[string]func(t *testing.T) *fixture{
	"first release": func(*testing.T) *fixture { return newFixture() },
	"next release with packages to retire": func(t *testing.T) *fixture {
		w := newFixture()
		for range 3 {
			w.CommitOnMain("docs/index.md", w.Commits[w.Branch].Files["docs/index.md"]+"more\n")
			w.releaser().mustRelease(t, "patch")
		}
		w.CommitOnMain("docs/changelog.d/+second.feature.md", "The second thing.\n")
		return w
	},
}

// TestReleaseKilled kills a release at every moment, and runs it again: the result is that of a run that was never
// killed.
func TestReleaseKilled(t *testing.T) {
	for name, fixture := range killWorlds {
		t.Run(name, func(t *testing.T) {
			want := fixture(t)
			whole := want.releaser()
			whole.keep = 2
			moments := gitopstest.Counted(whole.Checkout)
			released := whole.mustRelease(t, "minor")
			outcomes := map[step.Status]int{}
			for at := range *moments {
				w := fixture(t)
				outcomes[killAndFinish(t, w, want, released.Version, at)]++
			}
			t.Logf("%d moments; the second run: %v", *moments, outcomes)
			if outcomes[docsrelease.StatusReleased] == 0 || outcomes[docsrelease.StatusCompleted] == 0 || outcomes[step.StatusUnchanged] == 0 {
				t.Error("one of the outcomes was not tried")
			}
		})
	}
}

func killAndFinish(t *testing.T, w, want *fixture, version string, at int) step.Status {
	t.Helper()
	victim := w.releaser()
	victim.keep = 2
	victim.Gate = gitopstest.KillAt(at)
	if _, err := victim.release(tasks.ReleaseArgs{Version: "minor"}); !errors.Is(err, gitopstest.ErrKilled) {
		t.Fatalf("at %d: %v", at, err)
	}
	again := w.releaser()
	again.Head, again.keep = victim.Head, 2
	released := again.mustRelease(t, "minor")
	if got := w.state(); got != want.state() || released.Version != version || again.Head != w.Branch {
		t.Errorf("at %d: %+v, got\n%s\nwant\n%s", at, released, got, want.state())
	}
	return released.Status
}

// TestReleaseFromBehind has clones that are behind: by a commit before the release, and by the release itself.
func TestReleaseFromBehind(t *testing.T) {
	w := newFixture()
	first, second := w.releaser(), w.releaser()
	w.CommitOnMain("docs/index.md", "# More\n")
	first.mustRelease(t, "minor")
	if got := second.mustRelease(t, "patch"); got.Status != step.StatusUnchanged {
		t.Errorf("%+v", got)
	}
	if first.Head != w.Branch || second.Head != w.Branch {
		t.Errorf("the checkouts are at %s and %s; the branch is at %s", first.Head, second.Head, w.Branch)
	}
}

// TestReleaseKilledTwice kills the second run too, at every moment.
func TestReleaseKilledTwice(t *testing.T) {
	want := newFixture()
	whole := want.releaser()
	moments := gitopstest.Counted(whole.Checkout)
	whole.mustRelease(t, "minor")
	for at := 0; at < *moments; at += 3 {
		for second := 0; second < *moments; second += 5 {
			w := newFixture()
			for _, moment := range []int{at, second} {
				victim := w.releaser()
				victim.Gate = gitopstest.KillAt(moment)
				_, _ = victim.release(tasks.ReleaseArgs{Version: "minor"}) // the second may have had less to do
			}
			w.releaser().mustRelease(t, "minor")
			if got := w.state(); got != want.state() {
				t.Fatalf("at %d and %d: got\n%s\nwant\n%s", at, second, got, want.state())
			}
		}
	}
}

// TestReleaseFails has every call fail, before and after its effect, and releases again.
func TestReleaseFails(t *testing.T) {
	want := newFixture()
	whole := want.releaser()
	moments := gitopstest.Counted(whole.Checkout)
	whole.mustRelease(t, "patch")
	for at := range *moments {
		w := newFixture()
		victim, n := w.releaser(), 0
		victim.Fail = func(call string, _ bool) error {
			if n++; n-1 == at {
				return fmt.Errorf("%s fails", call)
			}
			return nil
		}
		_, err := victim.release(tasks.ReleaseArgs{Version: "patch"})
		w.releaser().mustRelease(t, "patch")
		if got := w.state(); got != want.state() {
			t.Errorf("at %d (%v): got\n%s\nwant\n%s", at, err, got, want.state())
		}
	}
}

// TestReleaseUnrepeatable kills releases whose builds always differ: some files are left over, and none that a tag names are
// missing.
func TestReleaseUnrepeatable(t *testing.T) {
	whole := newFixture().releaser()
	moments := gitopstest.Counted(whole.Checkout)
	whole.mustRelease(t, "patch")
	for at := range *moments {
		w := newFixture()
		w.unrepeatable = 0
		victim := w.releaser()
		victim.Gate = gitopstest.KillAt(at)
		_, _ = victim.release(tasks.ReleaseArgs{Version: "patch"})
		w.releaser().mustRelease(t, "patch")
		if w.served() != "v0.1.0" || len(w.Tags) != 1 || strings.Count(w.state(), "Release docs") != 1 || w.unrepeatable > 2 {
			t.Errorf("at %d: %s", at, w.state())
		}
	}
}
