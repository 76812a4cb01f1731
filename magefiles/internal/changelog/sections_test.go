package changelog_test

import (
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
)

func config(t testing.TB, text string) *changelog.Config {
	t.Helper()
	c, err := changelog.ParseConfig(repository(map[string]string{"towncrier.toml": text}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const history = `# Changelog

## [v9.9.9] - 2030-01-01 is how headings look
## [v9.9.8] - 2030-01-01

<!-- towncrier release notes start -->

## [v1.10.0] - 2026-03-08

### Features

- New.

` + "```" + `
# no heading
## [not] - one
` + "```" + `

## [v1.9.0] - 2026-03-01  

No significant changes.


## Before that

Nobody wrote it down.
`

func TestSections(t *testing.T) {
	c := config(t, read(t, "testdata/towncrier.toml"))
	for _, text := range []string{history, strings.ReplaceAll(history, "\n", "\r\n")} {
		all := changelog.Sections(c, text)
		if len(all) != 2 || all[0].Version != "v1.10.0" || all[1].Version != "v1.9.0" || all[1].Date != "2026-03-01" || all[1].Line != 19 {
			t.Fatalf("%+v", all)
		}
		if want := "### Features\n\n- New.\n\n```\n# no heading\n## [not] - one\n```"; all[0].Body != want {
			t.Errorf("got %q, want %q", all[0].Body, want)
		}
		if all[1].Heading != "## [v1.9.0] - 2026-03-01" || all[1].Body != "No significant changes." {
			t.Errorf("%+v", all[1])
		}
	}
	for version, want := range map[string]string{"v1.9.0": "v1.9.0", "1.9.0": "v1.9.0", "v1.9": "", "v9.9.8": "", "v1x9.0": ""} {
		if got, ok := changelog.FindSection(c, history, version); got.Version != want || ok != (want != "") {
			t.Errorf("%s: %+v", version, got)
		}
	}
}

func TestStrays(t *testing.T) {
	c := config(t, read(t, "testdata/towncrier.toml"))
	const marker = "<!-- towncrier release notes start -->\n"
	for text, want := range map[string][]changelog.Stray{
		history: {{Line: 24, Text: "## Before that"}},
		strings.ReplaceAll(history, "\n", "\r\n"):         {{Line: 24, Text: "## Before that"}},
		"# C\n## Unreleased\n":                            nil, // which is not our changelog
		"## Above\n" + marker + "## Unreleased\n":         {{Line: 3, Text: "## Unreleased"}},
		"## Above\n## [v1.0.0] - 2026-01-01\n##\n### a\n": {{Line: 3, Text: "##"}},
		marker + "~~~\n## code\n~~~\n## [1.0.0] - today":  nil,
		"": nil,
	} {
		if got := changelog.Strays(c, text); !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	two := config(t, minimal+"title_format = \"## {version}\\n## {project_date}\"")
	if got := changelog.Strays(two, "## 1.0.0\n## 2026-01-01\n\n## 0.9.0\n"); len(got) != 1 || got[0].Line != 4 {
		t.Errorf("%+v", got)
	}
	if c.Marker() != marker {
		t.Errorf("%q", c.Marker())
	}
}

// Every section that was written is found unchanged.
func TestWrittenSectionsAreFound(t *testing.T) {
	for _, format := range []string{"", "title_format = \"{version}, {project_date}\"", "title_format = \"## {version}\"", "title_format = \"#### *{version}*\\nof {project_date}\""} {
		texts := map[string]string{"towncrier.toml": minimal + "start_string = \"<!-- here -->\\n\"\n" + format, "CHANGELOG.md": "# C\n<!-- here -->\n"}
		for _, version := range []string{"0.9.0", "0.10.0", "1.0.0"} {
			texts["newsfragments/"+version+".doc.md"] = "Of " + version
			built, err := changelog.Build(repository(texts), changelog.Input{Version: version, Date: "2026-03-08"})
			if err != nil {
				t.Fatal(err)
			}
			texts["CHANGELOG.md"] = string(built.Changes[0].Content)
			delete(texts, "newsfragments/"+version+".doc.md")
		}
		all := changelog.Sections(config(t, texts["towncrier.toml"]), texts["CHANGELOG.md"])
		if len(all) != 3 {
			t.Fatalf("%q: %+v", format, all)
		}
		for i, version := range []string{"1.0.0", "0.10.0", "0.9.0"} {
			if all[i].Version != version || !strings.HasSuffix(all[i].Body, "Improved Documentation\n\n- Of "+version+" ("+version+")") {
				t.Errorf("%q: %+v", format, all[i])
			}
		}
	}
}

// The version is written as in the section before, whether it is given with a v or without.
func TestVersionsAreSpelledAsBefore(t *testing.T) {
	const marker = "<!-- towncrier release notes start -->\n"
	for _, c := range []struct{ title, old, given, want string }{
		{"## {version}", marker + "## 1.0.0\n", "v1.1.0", "1.1.0"},
		{"## {version}", marker + "## v1.0.0\n", "1.1.0", "v1.1.0"},
		{"## {version}", marker, "v1.1.0", "v1.1.0"},
		{"## {version}", marker, "1.1.0", "1.1.0"},
		{"## v{version}", marker, "v1.1.0", "1.1.0"},
		{"## v{version}", marker + "## v1.0.0\n", "v1.1.0", "1.1.0"},
		{"## {version}", marker + "## v1.0.0\n", "nightly", "nightly"},
	} {
		texts := map[string]string{"towncrier.toml": minimal + "title_format = \"" + c.title + "\"", "CHANGELOG.md": c.old}
		built, err := changelog.Build(repository(texts), changelog.Input{Version: c.given, Date: "2026-03-08"})
		if err != nil || built.Version != c.want {
			t.Errorf("%+v: %+v, %v", c, built, err)
		}
	}
}
