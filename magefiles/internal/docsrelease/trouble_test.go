package docsrelease_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops/gitopstest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestReleaseStore(t *testing.T) {
	t.Run("that keeps nothing", func(t *testing.T) {
		w := newFixture()
		w.drops = true
		_, err := w.releaser().release(tasks.ReleaseArgs{Version: "patch"})
		testenv.WantError(t, err, "upload it", "does not have docs-v0.1.0-", "although it was just stored")
		if len(w.Tags) > 0 {
			t.Error("it was tagged")
		}
		w.drops = false
		w.releaser().mustRelease(t, "patch")
	})
	t.Run("with something else under the name", func(t *testing.T) {
		want := newFixture()
		released := want.releaser().mustRelease(t, "patch")
		w := newFixture()
		name := "docs-v0.1.0-" + released.SHA256[:16] + ".tar.gz"
		w.packages["v0.1.0"] = map[string]string{name: "half"}
		got := w.releaser().mustRelease(t, "patch")
		if !strings.HasSuffix(got.URL, released.SHA256[:32]+".tar.gz") || w.packages["v0.1.0"][name] != "half" {
			t.Errorf("%s, %v", got.URL, slices.Collect(maps.Keys(w.packages["v0.1.0"])))
		}
	})
	t.Run("with a receipt that lies", func(t *testing.T) {
		for _, receipt := range []string{
			"", "[]", "{}", `{"file":"docs-v0.1.0-gone.tar.gz","sha256":"` + strings.Repeat("a", 64) + `","size":4}`,
			`{"file":"docs-v0.1.0-x/../../y","sha256":"` + strings.Repeat("a", 64) + `","size":4}`,
			`{"file":"docs-v0.1.0-there.tar.gz","sha256":"` + strings.Repeat("a", 64) + `","size":5}`,
		} {
			w := newFixture()
			r := w.releaser()
			r.Gate = func(call string, before bool) { // receipts with any name are found
				if call == "Read" && before && len(w.packages) == 0 {
					w.packages["v0.1.0"] = map[string]string{receiptName(t): receipt, "docs-v0.1.0-there.tar.gz": "there"}
				}
			}
			if got := r.mustRelease(t, "patch"); got.SHA256 == strings.Repeat("a", 64) || w.served() != "v0.1.0" {
				t.Errorf("%s: %+v", receipt, got)
			}
		}
	})
	t.Run("whose answer was lost", func(t *testing.T) {
		w := newFixture()
		r := w.releaser()
		r.Fail = func(name string, before bool) error {
			if name == "Upload" && !before && len(w.Events) == 2 {
				return errors.New("connection reset")
			}
			return nil
		}
		r.mustRelease(t, "patch")
	})
}

// receiptName is the name of a release's receipt in a new state.
func receiptName(t *testing.T) string {
	t.Helper()
	w := newFixture()
	w.releaser().mustRelease(t, "patch")
	for name := range w.packages["v0.1.0"] {
		if strings.HasSuffix(name, ".json") {
			return name
		}
	}
	t.Fatal("there is no receipt")
	return ""
}

func TestReleasePushAnswerLost(t *testing.T) {
	lost := errors.New("connection reset")
	t.Run("after it was done", func(t *testing.T) {
		want := newFixture()
		want.releaser().mustRelease(t, "patch")
		w := newFixture()
		r := w.releaser()
		r.Fail = func(name string, before bool) error {
			if name == "Push" && !before {
				return lost
			}
			return nil
		}
		if got := r.mustRelease(t, "patch"); got.Status != docsrelease.StatusReleased || w.state() != want.state() {
			t.Errorf("%+v\n%s", got, w.state())
		}
		wantSaid(t, r, "the remote has the push")
	})
	t.Run("before", func(t *testing.T) {
		w := newFixture()
		r := w.releaser()
		r.Fail = func(name string, before bool) error {
			if name == "Push" && before {
				return lost
			}
			return nil
		}
		if _, err := r.release(tasks.ReleaseArgs{Version: "patch"}); !errors.Is(err, lost) || len(w.Tags) > 0 {
			t.Errorf("%v, %v", err, w.Tags)
		}
	})
	t.Run("and done much later", func(t *testing.T) { // an earlier run's push arrives just before this one
		w := newFixture()
		ghost := w.releaser()
		ghost.Gate = killAfter("Push", 1)
		r := w.releaser()
		r.Gate = func(call string, before bool) {
			if call == "Push" && before && len(w.Tags) == 0 {
				if _, err := ghost.release(tasks.ReleaseArgs{Version: "patch"}); !errors.Is(err, gitopstest.ErrKilled) {
					t.Errorf("the ghost: %v", err)
				}
				w.clock = w.clock.Add(time.Second)
			}
		}
		r.mustRelease(t, "patch")
		if w.Tags["v0.1.0"] == "" || len(w.Tags) != 1 || w.served() != "v0.1.0" || w.releases["v0.1.0"].Notes == "" {
			t.Errorf("%s", w.state())
		}
	})
}

// killAfter kills at the nth call of that name, after its effect.
func killAfter(name string, n int) func(string, bool) {
	return func(call string, before bool) {
		if call == name && !before {
			if n--; n == 0 {
				panic(gitopstest.ErrKilled)
			}
		}
	}
}

func TestReleaseDeployerStaysBehind(t *testing.T) {
	w := newFixture()
	r := w.releaser()
	release := r.task()
	release.Deployer = oldDeployer{gitopstest.Deployer{Checkout: r.Checkout}}
	_, err := release.Run(context.Background(), tasks.ReleaseArgs{Version: "patch"})
	testenv.WantError(t, err, "deploy it: Argo CD is healthy on an older revision")
	if len(w.Tags) != 1 || w.served() == "v0.1.0" {
		t.Fatal(w.state())
	}
	if got := w.releaser().mustRelease(t, "patch"); got.Status != docsrelease.StatusCompleted || w.served() != "v0.1.0" {
		t.Errorf("%+v", got)
	}
}

// oldDeployer reports healthy, and stays at the old revision.
type oldDeployer struct{ gitopstest.Deployer }

func (d oldDeployer) Deploy(ctx context.Context, _ string, contains gitops.Contains) error {
	if ok, err := contains(ctx, d.Fixture.Deployed); ok || err != nil {
		return err
	}
	return errors.New("Argo CD is healthy on an older revision")
}

func TestReleaseSiteStaysOld(t *testing.T) {
	w := newFixture()
	w.releaser().mustRelease(t, "patch")
	w.CommitOnMain("docs/index.md", "# Hello\n")
	w.staleSite = "v0.1.0"
	r, begun := w.releaser(), w.clock
	_, err := r.release(tasks.ReleaseArgs{Version: "patch"})
	testenv.WantError(t, err, "check the website", "v0.1.1 is deployed", "https://docs.example still serves v0.1.0", "5m0s")
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || !strings.Contains(hinted.Hint(), "BLUMEOPS_DOCS_HOOK") || !strings.Contains(hinted.Hint(), "run the same command again") {
		t.Errorf("hint of %v", err)
	}
	if waited := w.clock.Sub(begun); waited != 5*time.Minute {
		t.Errorf("waited %s", waited)
	}
	w.staleSite = ""
	if got := w.releaser().mustRelease(t, "patch"); got.Version != "v0.1.1" {
		t.Errorf("%+v", got)
	}
}
