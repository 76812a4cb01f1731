package changelog_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
)

// Fixtures are in testdata/cases and testdata/releases: changelog.d, and after.md, the changelog that towncrier makes of them. CHANGELOG.md
// and towncrier.toml are beside them if they differ from those in testdata. Changelogs of real releases are cut after their second section.

// fixture is the repository before a release.
func fixture(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"CHANGELOG.md", "towncrier.toml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			text, err = os.ReadFile(filepath.Join("testdata", name))
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	fragments := os.DirFS(filepath.Join(dir, "changelog.d"))
	err := fs.WalkDir(fragments, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fragments, name)
		name = strings.TrimSuffix(name, "~") // of two names that only differ in capital letters, which a module archive may not have
		files[path.Join("docs/changelog.d", name)] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// apply makes the changes.
func apply(t testing.TB, files fstest.MapFS, changes []changelog.Change) {
	t.Helper()
	for _, c := range changes {
		if !c.Delete {
			files[c.Path] = &fstest.MapFile{Data: c.Content}
			continue
		}
		if _, ok := files[c.Path]; !ok {
			t.Errorf("%s is to be deleted, and is not there", c.Path)
		}
		delete(files, c.Path)
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func folders(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// same compares a release with the result of towncrier: the changelog is the same, and no fragment is left.
func same(t *testing.T, files fstest.MapFS, in changelog.Input, after string) {
	t.Helper()
	built, err := changelog.Build(files, in)
	if err != nil {
		t.Fatal(err)
	}
	old := string(files["CHANGELOG.md"].Data)
	apply(t, files, built.Changes)
	if got := string(files["CHANGELOG.md"].Data); got != after {
		t.Errorf("got\n%s\nwant\n%s", got, after)
	}
	for name := range files {
		if strings.HasPrefix(name, "docs/changelog.d/") && path.Base(name) != ".gitkeep" {
			t.Errorf("%s is left", name)
		}
	}
	if !strings.HasPrefix(built.Section, "## ["+in.Version+"] - "+in.Date+"\n\n") || !strings.Contains(after, built.Section) {
		t.Errorf("the section is %q", built.Section)
	}
	again(t, files, in, old)
}

// again repeats a complete release, and one that was interrupted between the changelog and the fragments.
func again(t *testing.T, files fstest.MapFS, in changelog.Input, old string) {
	t.Helper()
	built, err := changelog.Build(files, in)
	if err != nil || !built.Exists || len(built.Changes) > 0 {
		t.Errorf("the second time: %+v, %v; want no changes (the changelog was %q)", built, err, old)
	}
}

func TestCases(t *testing.T) {
	refused := map[string]string{
		"t14-version-exists": "CHANGELOG.md:15: a section for v1.14.0 already exists, without docs/changelog.d/x.feature.md",
		"t20-collision": "docs/changelog.d/7.feature.md: has the same number (0) for 7.feature as docs/changelog.d/007.feature.md; " +
			"number one of them, such as 7.feature.1.md, or delete it",
	}
	for _, name := range folders(t, "testdata/cases") {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "cases", name)
			files, in := fixture(t, dir), changelog.Input{Version: "v1.14.0", Date: "2026-03-08"}
			if want, ok := refused[name]; ok {
				if _, err := changelog.Build(files, in); err == nil || err.Error() != want {
					t.Errorf("error %q\nwant  %q", err, want)
				}
				return
			}
			same(t, files, in, read(t, filepath.Join(dir, "after.md")))
		})
	}
}

func TestReleases(t *testing.T) {
	names := folders(t, "testdata/releases")
	if len(names) < 15 {
		t.Fatalf("only %d releases were found", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "releases", name)
			files := fixture(t, dir)
			in := changelog.Input{Version: name, Date: strings.TrimSpace(read(t, filepath.Join(dir, "date")))}
			if name == "v1.11.5" { // towncrier left it behind: it got into the changelog two releases later
				const lost = "docs/changelog.d/feature/ha-cv-docs-zero-downtime.infra.md"
				const want = lost + ": is in a subfolder, expected a fragment directly in its folder; move it to docs/changelog.d/feature-ha-cv-docs-zero-downtime.infra.md"
				if _, err := changelog.Build(files, in); err == nil || err.Error() != want {
					t.Fatalf("error %q\nwant  %q", err, want)
				}
				delete(files, lost)
			}
			same(t, files, in, read(t, filepath.Join(dir, "after.md")))
		})
	}
}

// The next run deletes the fragments that an interrupted run has left.
func TestInterruptedRunsAreFinished(t *testing.T) {
	for _, dir := range []string{"cases/t02-orphans", "cases/t03-multiline", "cases/t16-sort-order", "releases/v1.3.0", "releases/v1.13.0"} {
		dir := filepath.Join("testdata", filepath.FromSlash(dir))
		in := changelog.Input{Version: "v2.0.0", Date: "2026-03-08"}
		built, err := changelog.Build(fixture(t, dir), in)
		if err != nil {
			t.Fatal(err)
		}
		for done := 1; done <= len(built.Changes); done++ {
			files := fixture(t, dir)
			apply(t, files, built.Changes[:done])
			rest, err := changelog.Build(files, in)
			if err != nil {
				t.Fatalf("%s, after %d changes: %v", dir, done, err)
			}
			if !rest.Exists || !slices.EqualFunc(rest.Changes, built.Changes[done:], func(a, b changelog.Change) bool { return a.Path == b.Path && a.Delete && b.Delete }) {
				t.Errorf("%s, after %d changes: %v; want %v", dir, done, rest.Changes, built.Changes[done:])
			}
			if !strings.HasPrefix(built.Section, strings.TrimSuffix(rest.Section, "\n")) {
				t.Errorf("%s: the section reads %q, was %q", dir, rest.Section, built.Section)
			}
		}
	}
}
