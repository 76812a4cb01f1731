package changelog_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
)

var release = changelog.Input{Version: "v1.14.0", Date: "2026-03-08"}

// shop is the repository of the fixtures with other files.
func shop(t testing.TB, texts map[string]string) map[string]string {
	t.Helper()
	files := map[string]string{"towncrier.toml": read(t, "testdata/towncrier.toml"), "CHANGELOG.md": read(t, "testdata/CHANGELOG.md")}
	for name, text := range texts {
		files[name] = text
	}
	return files
}

func TestWhatWouldBeLostStopsIt(t *testing.T) {
	const dir = "docs/changelog.d/"
	_, err := changelog.Build(repository(shop(t, map[string]string{
		dir + "good.feature.md":    "Good.",
		dir + "a/b.feature.md":     "Deep.",
		dir + "a/c/d.feature.md":   "Deeper.",
		dir + "typo.feture.md":     "A slip.",
		dir + "upper.Feature.md":   "Types are in lower case here.",
		dir + "notype.md":          "None.",
		dir + "feature.md":         "Only a type.",
		dir + "empty.bugfix.md":    " \n\t\u00a0\n",
		dir + "mark.bugfix.md":     "\ufeff\n",
		dir + "latin.bugfix.md":    "caf\xe9",
		dir + "7.infra.md":         "One.",
		dir + "007.infra.0.md":     "Two.",
		dir + "7.infra.1.md":       "Three.",
		dir + ".hidden.feature.md": "",
	})), release)
	var found *changelog.FragmentsError
	if !errors.As(err, &found) {
		t.Fatalf("error %v", err)
	}
	want := []string{
		".hidden.feature.md: is empty; write what changed, or delete it",
		"7.infra.md: has the same number (0) for 7.infra as docs/changelog.d/007.infra.0.md; number one of them, such as 7.infra.1.md, or delete it",
		"a/b.feature.md: is in a subfolder, expected a fragment directly in its folder; move it to docs/changelog.d/a-b.feature.md",
		"a/c/d.feature.md: is in a subfolder, expected a fragment directly in its folder; move it to docs/changelog.d/a-c-d.feature.md",
		"empty.bugfix.md: is empty; write what changed, or delete it",
		"feature.md: no type in its name (known: feature, bugfix, infra, doc, ai, misc); name it ISSUE.TYPE.md, or +SLUG.TYPE.md if there is no issue. " +
			"List files that are not fragments in the setting ignore",
		"latin.bugfix.md: is not UTF-8, at byte 4; save it as UTF-8, or delete it if it is not a fragment",
		"mark.bugfix.md: is empty; write what changed, or delete it",
		"notype.md: no type in its name (known: feature, bugfix, infra, doc, ai, misc); name it ISSUE.TYPE.md, or +SLUG.TYPE.md if there is no issue. " +
			"List files that are not fragments in the setting ignore",
		"typo.feture.md: no type in its name (known: feature, bugfix, infra, doc, ai, misc); did you mean typo.feature.md? List files that are not fragments in the setting ignore",
		"upper.Feature.md: no type in its name (known: feature, bugfix, infra, doc, ai, misc); did you mean upper.feature.md? List files that are not fragments in the setting ignore",
	}
	lines := strings.Split(err.Error(), "\n")
	if lines[0] != fmt.Sprintf("the changelog would not contain %d files:", len(want)) || len(lines) != len(want)+1 {
		t.Fatalf("%s", err)
	}
	for i, line := range lines[1:] {
		if line != dir+want[i] {
			t.Errorf("got  %s\nwant %s", line, dir+want[i])
		}
	}
}

// Valid fragments are returned together with the error about others.
func TestTheOthersAreRead(t *testing.T) {
	files := repository(shop(t, map[string]string{"docs/changelog.d/7.feature.md": "Good.", "docs/changelog.d/7.feature.1.md": " "}))
	c, err := changelog.ParseConfig(files)
	if err != nil {
		t.Fatal(err)
	}
	fragments, err := changelog.Read(files, c)
	if err == nil || len(fragments) != 1 || fragments[0].Text != "Good." {
		t.Errorf("%+v, %v", fragments, err)
	}
}

func TestCountersAreInOrder(t *testing.T) {
	built, err := changelog.Build(repository(shop(t, map[string]string{
		"docs/changelog.d/x.feature.md": "0", "docs/changelog.d/x.feature.2.md": "2", "docs/changelog.d/x.feature.10.md": "10", "docs/changelog.d/x.feature.1.md": "1",
	})), release)
	if err != nil || !strings.Contains(built.Section, "\n\n- 0\n- 1\n- 2\n- 10\n\n") {
		t.Errorf("%+v, %v", built, err)
	}
}

func TestChangelogsThatAreUnusual(t *testing.T) {
	const section = "## [v1.14.0] - 2026-03-08\n\n### Features\n\n- New.\n\n\n"
	const alone = "## [v1.14.0] - 2026-03-08\n\n### Features\n\n- New.\n"
	const marker = "<!-- towncrier release notes start -->\n"
	for name, c := range map[string]struct{ old, want, warning string }{
		"none":                           {"\x00", alone, ""},
		"empty":                          {"", alone, ""},
		"blank":                          {" \n\n", alone, ""},
		"marker alone":                   {"# C\n" + marker, "# C\n\n" + marker + "\n" + alone, ""},
		"marker, much room":              {"# C\n\n\n\n" + marker + "\n\n\nold", "# C\n\n" + marker + "\n" + section + "old", ""},
		"two markers":                    {marker + "a\n" + marker + "b\n", "\n\n" + marker + "\n" + section + "a\n" + marker + "b\n", ""},
		"marker without a line end":      {"# C\n" + strings.TrimSuffix(marker, "\n"), section + "# C\n" + strings.TrimSuffix(marker, "\n"), "has no line"},
		"no marker":                      {"\n# C\n", section + "# C\n", "CHANGELOG.md has no line \"<!-- towncrier release notes start -->\", so the section is at its top"},
		"no marker, byte order mark":     {"\ufeff# C\n", "\ufeff" + section + "# C\n", "has no line"},
		"byte order mark":                {"\ufeff# C\n" + marker + "old", "\ufeff# C\n\n" + marker + "\n" + section + "old", ""},
		"line ends of all kinds":         {"# C\r\n" + marker + "old\rolder\r\n", "# C\n\n" + marker + "\n" + section + "old\nolder\n", "had line ends other than"},
		"the heading in a sentence":      {marker + "see ## [v1.14.0] - 2026-03-08 below\n", "\n\n" + marker + "\n" + section + "see ## [v1.14.0] - 2026-03-08 below\n", ""},
		"the heading of a longer number": {marker + "## [v1.14.0.1] - 2026-03-08\n", "\n\n" + marker + "\n" + section + "## [v1.14.0.1] - 2026-03-08\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			texts := shop(t, map[string]string{"docs/changelog.d/x.feature.md": "New.", "CHANGELOG.md": c.old})
			if c.old == "\x00" {
				delete(texts, "CHANGELOG.md")
			}
			built, err := changelog.Build(repository(texts), release)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(built.Changes[0].Content); got != c.want || built.Changes[0].Path != "CHANGELOG.md" {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if warned := strings.Join(built.Warnings, "\n"); (c.warning == "") != (warned == "") || !strings.Contains(warned, c.warning) {
				t.Errorf("warned %q, want %q", warned, c.warning)
			}
		})
	}
}

func TestSectionThatIsThereAlready(t *testing.T) {
	const marker = "<!-- towncrier release notes start -->\n\n"
	const held = marker + "## [v1.14.0] - 2026-03-08\n\n### Features\n\n- New.\n- Text\n\n  more\n- Last\n\n\n## [v1.13.0] - 2026-03-01\n\n### Features\n\n- Older.\n"
	for name, c := range map[string]struct {
		text, date, want, hint string
	}{
		"all of it":                 {"New.", release.Date, "", ""},
		"its last":                  {"Last", release.Date, "", ""},
		"several lines":             {"Text\n\nmore", release.Date, "", ""},
		"something else":            {"Newer.", release.Date, "CHANGELOG.md:3: a section for v1.14.0 already exists, without docs/changelog.d/x.feature.md", "use the next version"},
		"the start of something":    {"Text", release.Date, "without docs/changelog.d/x.feature.md", "use the next version"},
		"what an older one has":     {"Older.", release.Date, "without docs/changelog.d/x.feature.md", "use the next version"},
		"another date":              {"New.", "2026-03-09", "CHANGELOG.md:3: a section for v1.14.0 already exists with date 2026-03-08 (this run: 2026-03-09)", "use the date 2026-03-08"},
		"another date and fragment": {"Newer.", "2026-03-09", "with date 2026-03-08 (this run: 2026-03-09), without docs/changelog.d/x.feature.md", "use the next version"},
	} {
		t.Run(name, func(t *testing.T) {
			files := repository(shop(t, map[string]string{"docs/changelog.d/x.feature.md": c.text, "CHANGELOG.md": held}))
			built, err := changelog.Build(files, changelog.Input{Version: "1.14.0", Date: c.date})
			var exists *changelog.ExistsError
			switch {
			case c.want == "" && (err != nil || !built.Exists || len(built.Changes) != 1 || !built.Changes[0].Delete):
				t.Errorf("%+v, %v; want one file to be deleted", built, err)
			case c.want != "" && (!errors.As(err, &exists) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(exists.Hint(), c.hint)):
				t.Errorf("error %v, want %q with the hint %q", err, c.want, c.hint)
			}
		})
	}
}

func TestInputs(t *testing.T) {
	for _, in := range []changelog.Input{
		{Version: "", Date: "2026-03-08"}, {Version: "v1 2", Date: "2026-03-08"}, {Version: "v1\n", Date: "2026-03-08"},
		{Version: "v1", Date: "2026-3-8"}, {Version: "v1", Date: ""}, {Version: "v1", Date: "2026-02-30"},
	} {
		var wrong *changelog.InputError
		if _, err := changelog.Build(repository(shop(t, nil)), in); !errors.As(err, &wrong) || wrong.ExitStatus() != 2 {
			t.Errorf("%+v: error %v", in, err)
		}
	}
	_, err := changelog.Build(repository(shop(t, map[string]string{"CHANGELOG.md": "\xff"})), release)
	if err == nil || !strings.Contains(err.Error(), "is not UTF-8, at byte 1") {
		t.Errorf("error %v", err)
	}
}

func TestNothingOfAFragmentIsShown(t *testing.T) {
	config := strings.Replace(read(t, "testdata/towncrier.toml"), "showcontent = true", "showcontent = false", 1)
	built, err := changelog.Build(repository(shop(t, map[string]string{
		"towncrier.toml": config, "docs/changelog.d/x.feature.md": "New.", "docs/changelog.d/+y.feature.md": "Shown.",
	})), release)
	if err != nil {
		t.Fatal(err)
	}
	want := "docs/changelog.d/x.feature.md: the changelog will not contain this fragment: its type feature has showcontent = false and issue_format is empty; set one of them in towncrier.toml"
	if len(built.Warnings) != 1 || built.Warnings[0] != want {
		t.Errorf("warned %q", built.Warnings)
	}
}
