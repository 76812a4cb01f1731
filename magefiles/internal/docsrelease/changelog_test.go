package docsrelease_test

import (
	"errors"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops/gitopstest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// The upload of an earlier run is used again unless the changelog's page would differ.
func TestReleaseReusesByChangelog(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		builds     int
	}{
		"other file":        {"README.md", "Read me.\n", 1},
		"changelog":         {"CHANGELOG.md", "# History\n\n<!-- towncrier release notes start -->\n", 2},
		"fragment":          {"docs/changelog.d/+second.feature.md", "The second thing.\n", 2},
		"how it is written": {"towncrier.toml", strings.Replace(docsTowncrier, `"Features"`, `"News"`, 1), 2},
	} {
		w := newFixture()
		r := w.releaser()
		r.Gate = killAfter("Commit", 1)
		if _, err := r.release(tasks.ReleaseArgs{Version: "patch"}); !errors.Is(err, gitopstest.ErrKilled) {
			t.Fatal(err)
		}
		w.CommitOnMain(c.file, c.text)
		w.releaser().mustRelease(t, "patch")
		if builds := strings.Count(strings.Join(w.Events, "\n"), "build v0.1.0"); builds != c.builds {
			t.Errorf("another %s: %d builds, want %d", name, builds, c.builds)
		}
	}
}

// A change of the changelog alone is not released.
func TestReleaseChangelogIsNoNews(t *testing.T) {
	w := newFixture()
	w.releaser().mustRelease(t, "patch")
	w.CommitOnMain("CHANGELOG.md", "# History\n\n"+w.Commits[w.Branch].Files["CHANGELOG.md"])
	if got := w.releaser().mustRelease(t, "patch"); got.Status != step.StatusUnchanged || got.Version != "v0.1.0" {
		t.Errorf("%+v", got)
	}
}
