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
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

func TestReleaseFirst(t *testing.T) {
	w := newFixture()
	r := w.releaser()
	got := r.mustRelease(t, "patch")
	if got.Version != "v0.1.0" || got.Status != docsrelease.StatusReleased || got.Commit != w.Branch || got.SHA256 == "" || got.Notes == "" {
		t.Errorf("got %+v", got)
	}
	head := w.Commits[w.Branch]
	if w.Tags["v0.1.0"] != w.Branch || head.Message != "Release docs v0.1.0 [skip ci]\n" {
		t.Errorf("the tag is on %s, the branch at %s (%q)", w.Tags["v0.1.0"], w.Branch, head.Message)
	}
	if !strings.Contains(head.Files["CHANGELOG.md"], "## [v0.1.0] - 2026-03-08\n\n### Features\n\n- The first thing.") {
		t.Errorf("changelog: %s", head.Files["CHANGELOG.md"])
	}
	if _, left := head.Files["docs/changelog.d/+first.feature.md"]; left {
		t.Error("the fragment is still there")
	}
	changed := strings.Replace(strings.Replace(docsManifest, docsHost+"v0.0.0/docs-v0.0.0.tar.gz", got.URL, 1), strings.Repeat("0", 64), got.SHA256, 1)
	if head.Files[docsManifestFile] != changed {
		t.Errorf("manifest: %s", head.Files[docsManifestFile])
	}
	if want := docsHost + "v0.1.0/docs-v0.1.0-" + got.SHA256[:16] + ".tar.gz"; got.URL != want {
		t.Errorf("URL %s; want %s", got.URL, want)
	}
	if a := w.releases["v0.1.0"]; !strings.Contains(a.Notes, "- The first thing.") || strings.Contains(a.Notes, "## [") || a.Prerelease || got.Page != a.URL {
		t.Errorf("announced %+v", a)
	}
	if w.served() != "v0.1.0" || r.Head != w.Branch || len(w.packages["v0.1.0"]) != 2 {
		t.Errorf("serves %q, checkout at %s, files %v", w.served(), r.Head, w.packages["v0.1.0"])
	}
	wantSaid(t, r, "checked: the permission to push, the package store, the forge's releases, Argo CD", "checked: the tag protection of v0.1.0, the checkout, the changelog of v0.1.0, the manifest, the builder")
}

func wantSaid(t *testing.T, r *releaser, sentences ...string) {
	t.Helper()
	said := strings.Join(r.Said, "\n")
	for _, s := range sentences {
		if !strings.Contains(said, s) {
			t.Errorf("said\n%s\nand not %q", said, s)
		}
	}
}

func TestReleaseVersions(t *testing.T) {
	for _, test := range []struct {
		tags      []string
		asked     string
		want, err string
	}{
		{nil, "major", "v0.1.0", ""},
		{nil, "v3.2.1", "v3.2.1", ""},
		{[]string{"v1.9.0", "v1.10.0", "v1.2.3"}, "patch", "v1.10.1", ""},
		{[]string{"v1.9.0", "v1.10.0"}, "BUMP_MINOR", "v1.11.0", ""},
		{[]string{"v1.9.9"}, "bump:major", "v2.0.0", ""},
		{[]string{"v1.9.9", "nettest-v7.0.0", "v8", "latest", "v9.0", "v10.0.0+build"}, "Patch", "v1.9.10", ""},
		{[]string{"v1.0.0", "v1.1.0-rc.1"}, "patch", "v1.0.1", ""},
		{[]string{"v1.1.0-rc.1"}, "patch", "v1.1.0", ""},
		{[]string{"v1.0.0", "v1.1.0-rc.1"}, "v1.1.0-rc.2", "v1.1.0-rc.2", ""},
		{[]string{"v1.0.0", "v1.1.0-rc.2"}, "v1.1.0-rc.1", "", "v1.1.0-rc.1 is lower than v1.1.0-rc.2"},
		{[]string{"v1.0.0"}, "v1.0.0", "v1.0.0", ""},
		{[]string{"v1.0.0", "v1.1.0"}, "v1.0.0", "", "v1.0.0 is already released, and v1.1.0 after it"},
		{[]string{"v1.0.0"}, "v0.9.0", "", "v0.9.0 is lower than v1.0.0"},
		{[]string{"v1.0.0"}, "v1.0.7", "v1.0.7", ""},
		{[]string{"v1.0.99999999999999999999"}, "patch", "", "too large"},
		{[]string{"v99999999999999999999.0.0"}, "v99999999999999999999.0.1", "v99999999999999999999.0.1", ""},
	} {
		w := newFixture()
		for _, tag := range test.tags {
			w.Tags[tag] = w.Branch // by hand: their manifests do not name their packages
		}
		got, err := w.releaser().release(tasks.ReleaseArgs{Version: test.asked})
		if test.err != "" {
			testenv.WantError(t, err, test.err)
		} else if err != nil || got.Version != test.want {
			t.Errorf("%v, %s: %s, %v; want %s", test.tags, test.asked, got.Version, err, test.want)
		}
	}
}

func TestReleaseRefusesArguments(t *testing.T) {
	for asked, want := range map[string]string{
		"": "expected patch", "-dryrun": "flags come after", "1.2.3": "did you mean v1.2.3?", "v1.2": "did you mean v1.2.0?", "dev": "expected patch",
		"bump": "expected patch", "BUMP_": "expected patch", "v1.2.3+x": "expected patch", "patch ": "expected patch",
	} {
		w := newFixture()
		_, err := w.releaser().release(tasks.ReleaseArgs{Version: asked})
		testenv.WantError(t, err, want)
		if len(w.Events) > 0 {
			t.Errorf("%q: %v", asked, w.Events)
		}
	}
	_, err := newFixture().releaser().release(tasks.ReleaseArgs{Version: "patch", Date: "8.3.2026"})
	testenv.WantError(t, err, "date", "YEAR-MONTH-DAY")
}

func TestReleaseDate(t *testing.T) {
	w := newFixture()
	w.clock = time.Date(2026, 3, 8, 23, 30, 0, 0, time.UTC)
	release := w.releaser().task()
	release.Zone = time.FixedZone("east", 3600)
	if _, err := release.Run(context.Background(), tasks.ReleaseArgs{Version: "patch"}); err != nil {
		t.Fatal(err)
	}
	if text := w.Commits[w.Branch].Files["CHANGELOG.md"]; !strings.Contains(text, "[v0.1.0] - 2026-03-09") {
		t.Errorf("the date is that of another zone: %s", text)
	}
}

func TestReleaseNothingNew(t *testing.T) {
	w := newFixture()
	first := w.releaser().mustRelease(t, "patch")
	before, r := w.state(), w.releaser()
	for _, asked := range []string{"patch", "major", "v0.1.0", "v7.0.0"} {
		got := r.mustRelease(t, asked)
		if got.Status != step.StatusUnchanged || got.Version != first.Version || got.URL != first.URL || got.Commit != first.Commit {
			t.Errorf("%s: %+v", asked, got)
		}
	}
	w.CommitOnMain("containers/x/Dockerfile", "FROM scratch\n")
	if got := r.mustRelease(t, "patch"); got.Status != step.StatusUnchanged {
		t.Errorf("a change elsewhere: %+v", got)
	}
	if !strings.Contains(w.state(), before[strings.Index(before, "tag"):strings.Index(before, "deployed")]) {
		t.Errorf("was\n%s\nis\n%s", before, w.state())
	}
	wantSaid(t, r, "nothing is new since v0.1.0: nothing was released (-new releases v0.1.1 anyway)", "v0.1.0 is already released and complete")
	got, err := r.release(tasks.ReleaseArgs{Version: "minor", New: true})
	if err != nil || got.Version != "v0.2.0" || got.Status != docsrelease.StatusReleased {
		t.Errorf("-new: %+v, %v", got, err)
	}
	if text := w.Commits[w.Branch].Files["CHANGELOG.md"]; !strings.Contains(text, "## [v0.2.0]") {
		t.Errorf("changelog: %s", text)
	}
}

func TestReleaseNews(t *testing.T) {
	for name, file := range map[string]string{"page": "docs/other.md", "fragment": "docs/changelog.d/+x.feature.md", "configuration": "docs/quartz.config.ts"} {
		w := newFixture()
		w.releaser().mustRelease(t, "patch")
		w.CommitOnMain(file, "news\n")
		if got := w.releaser().mustRelease(t, "patch"); got.Version != "v0.1.1" || got.Status != docsrelease.StatusReleased {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestReleaseRefusesFirst(t *testing.T) {
	denied := errors.New("denied, and here is why")
	for _, call := range []string{"CheckPush", "CheckTag v0.1.0", "Packages.Check", "Announcer.Check", "Deployer.Check", "Unpushed", "Builder.Check"} {
		w := newFixture()
		r := w.releaser()
		r.Fail = func(name string, before bool) error {
			if name == call && before {
				return denied
			}
			return nil
		}
		if _, err := r.release(tasks.ReleaseArgs{Version: "patch"}); !errors.Is(err, denied) {
			t.Errorf("%s: %v", call, err)
		}
		if len(w.Events) > 0 {
			t.Errorf("%s: %v", call, w.Events)
		}
	}
	t.Run("all at once", func(t *testing.T) {
		r := newFixture().releaser()
		r.Fail = func(name string, _ bool) error {
			if name == "CheckPush" || name == "Deployer.Check" {
				return errors.New(name + " fails")
			}
			return nil
		}
		_, err := r.release(tasks.ReleaseArgs{Version: "patch"})
		testenv.WantError(t, err, "check the permission to push: CheckPush fails", "check Argo CD: Deployer.Check fails")
	})
	for name, test := range map[string]struct{ file, text, want string }{
		"fragment":  {"docs/changelog.d/sub/+x.feature.md", "lost", "sub"},
		"type":      {"docs/changelog.d/+x.unknown.md", "lost", "unknown"},
		"manifest":  {docsManifestFile, "kind: Deployment\n", "DOCS_RELEASE_URL"},
		"twice":     {docsManifestFile, docsManifest + "---\n" + docsManifest, "2 times"},
		"towncrier": {"towncrier.toml", "[tool.towncrier]\ntemplate = 'x'\n", "template"},
	} {
		w := newFixture()
		w.CommitOnMain(test.file, test.text)
		_, err := w.releaser().release(tasks.ReleaseArgs{Version: "patch"})
		testenv.WantError(t, err, test.want)
		if len(w.Events) > 0 {
			t.Errorf("%s: %v", name, w.Events)
		}
	}
	t.Run("checkout", func(t *testing.T) {
		w := newFixture()
		r := w.releaser()
		r.Changes = []string{"docs/a.md", "docs/b.md", "docs/c.md", "docs/d.md"}
		_, err := r.release(tasks.ReleaseArgs{Version: "patch"})
		testenv.WantError(t, err, "changes that are not on branch main", "docs/a.md, docs/b.md, docs/c.md and 1 more")
		if len(w.Events) > 0 {
			t.Error(w.Events)
		}
	})
}

// TestReleaseFinishes removes each part of a complete release.
func TestReleaseFinishes(t *testing.T) {
	for name, undo := range map[string]func(w *fixture){
		"announcement": func(w *fixture) { delete(w.releases, "v0.1.0") },
		"draft":        func(w *fixture) { a := w.releases["v0.1.0"]; a.Draft = true; w.releases["v0.1.0"] = a },
		"section":      func(w *fixture) { w.releases["v0.1.0"] = vcs.Release{Tag: "v0.1.0"} },
		"deployment":   func(w *fixture) { w.Deployed = w.Commits[w.Branch].Parent },
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture()
			w.releaser().mustRelease(t, "patch")
			want, builds := w.state(), len(w.Events)
			undo(w)
			r := w.releaser()
			if got := r.mustRelease(t, "minor"); got.Version != "v0.1.0" || got.Status != docsrelease.StatusCompleted || got.URL == "" {
				t.Errorf("got %+v", got)
			}
			if got := w.state(); got != want || slices.Contains(w.Events[builds:], "build v0.1.0") {
				t.Errorf("got\n%s\nwant\n%s\n%v", got, want, w.Events[builds:])
			}
			wantSaid(t, r, "v0.1.0 is not complete yet", "run the same command again for the next version")
		})
	}
}

func TestReleaseKeepsWhatPeopleWrote(t *testing.T) {
	w := newFixture()
	w.releaser().mustRelease(t, "patch")
	w.releases["v0.1.0"] = vcs.Release{Tag: "v0.1.0", Notes: "Hello all!"}
	w.releaser().mustRelease(t, "patch")
	if notes := w.releases["v0.1.0"].Notes; !strings.HasPrefix(notes, "Hello all!\n\n") || !strings.Contains(notes, "- The first thing.") {
		t.Errorf("notes: %q", notes)
	}
	w.releases["v0.1.0"] = vcs.Release{Tag: "v0.1.0", Notes: strings.ReplaceAll(notes(w), "\n", "\r\n") + "\r\nBye!"}
	before := w.releases["v0.1.0"]
	if w.releaser().mustRelease(t, "patch"); w.releases["v0.1.0"] != before {
		t.Errorf("notes: %q", w.releases["v0.1.0"].Notes)
	}
}

func notes(w *fixture) string { return w.releases["v0.1.0"].Notes }

// TestReleaseByName releases over a version that cannot be finished.
func TestReleaseByName(t *testing.T) {
	w := newFixture()
	w.releaser().mustRelease(t, "patch")
	clear(w.packages["v0.1.0"])
	_, err := w.releaser().release(tasks.ReleaseArgs{Version: "patch"})
	testenv.WantError(t, err, "check the package", "does not have docs-v0.1.0-")
	r := w.releaser()
	got, err := r.release(tasks.ReleaseArgs{Version: "v0.1.1", New: true})
	if err != nil || got.Version != "v0.1.1" || w.served() != "v0.1.1" {
		t.Errorf("%+v, %v", got, err)
	}
	wantSaid(t, r, "v0.1.0 is not complete yet", "v0.1.1 replaces it")
}

func TestReleaseDryRun(t *testing.T) {
	w := newFixture()
	r := w.releaser()
	var plan []string
	got, err := r.task().DryRun(func(s string) { plan = append(plan, s) }).Run(context.Background(), tasks.ReleaseArgs{Version: "minor"})
	if err != nil || got.Version != "v0.1.0" || got.Status != step.StatusPlanned || got.URL != "" || got.Commit != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if len(w.Events) > 0 || len(w.Tags)+len(w.packages)+len(w.releases) > 0 || r.Head != w.Branch {
		t.Errorf("%v\n%s", w.Events, w.state())
	}
	text := strings.Join(plan, "\n")
	for _, want := range []string{
		"would build the documentation of commit " + w.Branch[:12] + " as v0.1.0 of 2026-03-08",
		"would upload docs-v0.1.0-HASH.tar.gz to the package of v0.1.0",
		"Release docs v0.1.0 [skip ci]", "+## [v0.1.0] - 2026-03-08", "would delete docs/changelog.d/+first.feature.md",
		"+              value: https://forge.example/packages/docs/v0.1.0/docs-v0.1.0-HASH.tar.gz",
		"SHA256-OF-THE-ARCHIVE", "would tag that commit v0.1.0", "would push main and v0.1.0 in one step",
		"would announce v0.1.0:\n### Features", "would let Argo CD deploy commit", "would wait until https://docs.example serves v0.1.0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan\n%s\nlacks %q", text, want)
		}
	}
	t.Run("of a finish", func(t *testing.T) {
		w.releaser().mustRelease(t, "minor")
		delete(w.releases, "v0.1.0")
		events := len(w.Events)
		got, err := r.task().DryRun(func(string) {}).Run(context.Background(), tasks.ReleaseArgs{Version: "minor"})
		if err != nil || got.Status != step.StatusPlanned || got.URL == "" || len(w.Events) != events {
			t.Errorf("%+v, %v, %v", got, err, w.Events)
		}
	})
}

func TestReleaseRetires(t *testing.T) {
	w := newFixture()
	r := w.releaser()
	r.keep = 2
	w.packages["v0.1.7"] = map[string]string{"docs-v0.1.7-left.tar.gz": "of an attempt that was given up"}
	w.packages["other"] = map[string]string{"file": "of others"}
	for i, asked := range []string{"patch", "minor", "minor", "minor", "v1.0.0-rc.1"} {
		w.CommitOnMain("docs/index.md", strings.Repeat("#", i+1)+"\n")
		r.mustRelease(t, asked)
		if asked == "minor" && i == 2 {
			if _, err := r.rollback("v0.2.0"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(w.packages)), []string{"other", "v0.3.0", "v0.4.0", "v1.0.0-rc.1"}; !slices.Equal(got, want) {
		t.Errorf("left are %v; want %v", got, want)
	}
}

func TestReleaseLeavesOthersTags(t *testing.T) {
	w := newFixture()
	w.Tags["v1.13.3"] = w.Branch // made by another program, without a package
	w.CommitOnMain("docs/index.md", "# New\n")
	if got := w.releaser().mustRelease(t, "patch"); got.Version != "v1.13.4" || w.releases["v1.13.3"].Tag != "" {
		t.Errorf("%+v", got)
	}
}

func TestReleaseAfterRollback(t *testing.T) {
	w := newFixture()
	r := w.releaser()
	r.mustRelease(t, "patch")
	w.CommitOnMain("docs/index.md", "# Bad\n")
	r.mustRelease(t, "patch")
	if _, err := r.rollback("v0.1.0"); err != nil {
		t.Fatal(err)
	}
	r.Said = nil
	if got := r.mustRelease(t, "patch"); got.Status != step.StatusUnchanged || w.served() != "v0.1.0" {
		t.Errorf("%+v, serves %s", got, w.served())
	}
	wantSaid(t, r, "deploy this one with `docs:rollback v0.1.1`")
	w.CommitOnMain("docs/index.md", "# Good\n")
	if got := r.mustRelease(t, "patch"); got.Version != "v0.1.2" || w.served() != "v0.1.2" {
		t.Errorf("%+v, serves %s", got, w.served())
	}
}

func TestReleaseWithoutDeployer(t *testing.T) {
	w := newFixture()
	release := w.releaser().task()
	release.Deployer, release.Website, release.Announcer, release.Hook, release.Note, release.Warn = nil, nil, nil, nil, nil, nil
	for _, want := range []step.Status{docsrelease.StatusReleased, step.StatusUnchanged} {
		if got, err := release.Run(context.Background(), tasks.ReleaseArgs{Version: "patch"}); err != nil || got.Status != want || got.Version != "v0.1.0" {
			t.Errorf("%+v, %v; want %s", got, err, want)
		}
	}
}

func TestReleaseStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w := newFixture()
	r := w.releaser()
	r.Gate = func(call string, _ bool) {
		if call == "Build" {
			cancel()
		}
	}
	if _, err := r.task().Run(ctx, tasks.ReleaseArgs{Version: "patch"}); !errors.Is(err, context.Canceled) || len(w.Tags) > 0 {
		t.Errorf("%v, %v", err, w.Tags)
	}
}
