package changelog_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
)

// repository is a file system of texts.
func repository(texts map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range texts {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func draft(t *testing.T, texts map[string]string) string {
	t.Helper()
	drafted, err := changelog.Draft(repository(texts), changelog.Input{Version: "v1.0.0", Date: "2026-03-08"})
	if err != nil {
		t.Fatal(err)
	}
	if len(drafted.Changes) > 0 {
		t.Errorf("a draft has the changes %v", drafted.Changes)
	}
	return drafted.Section
}

const minimal = "[tool.towncrier]\nfilename = \"CHANGELOG.md\"\n"

func TestDefaults(t *testing.T) {
	got := draft(t, map[string]string{
		"towncrier.toml":                   minimal,
		"newsfragments/1.removal.md":       "Gone.",
		"newsfragments/2.misc":             "Hidden.",
		"newsfragments/3.misc":             "Hidden too.",
		"newsfragments/+o.misc.md":         "An orphan is shown.",
		"newsfragments/gh-4.feature.1.rst": "New.",
		"newsfragments/README.md":          "no fragment",
		"newsfragments/.swp":               "neither",
	})
	want := "# v1.0.0 (2026-03-08)\n\n## Features\n\n- New. (gh-4)\n\n## Deprecations and Removals\n\n- Gone. (#1)\n\n" +
		"## Misc\n\n- #2, #3\n- An orphan is shown.\n\n\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestPlaces(t *testing.T) {
	for name, texts := range map[string]map[string]string{
		"towncrier.toml goes first": {
			"towncrier.toml": minimal + "directory = \"a\"", "pyproject.toml": "nonsense", "a/1.doc": "Here.",
		},
		"pyproject.toml": {
			"pyproject.toml": "[project]\nname = \"other\"\n" + minimal + "name = \"\"\ndirectory = \"./a/b/\"", "a/b/1.doc": "Here.",
		},
		"folder of a package": {
			"towncrier.toml":               minimal + "name = \"\"\npackage = \"shop\"\npackage_dir = \"src\"\ntitle_format = \"# {version} ({project_date})\"",
			"src/shop/newsfragments/1.doc": "Here.",
		},
		"changelog among the fragments": {
			"towncrier.toml": "[tool.towncrier]\nfilename = \"a/NEWS.md\"\ndirectory = \"a\"", "a/NEWS.md": "# News", "a/1.doc": "Here.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			const want = "# v1.0.0 (2026-03-08)\n\n## Improved Documentation\n\n- Here. (#1)\n\n\n"
			if got := draft(t, texts); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestTitles(t *testing.T) {
	for config, want := range map[string]string{
		`title_format = "## [{version}] - {project_date}"`:       "## [v1.0.0] - 2026-03-08\n\n### Improved Documentation\n",
		`title_format = "{{{version}}}"`:                         "{v1.0.0}\n\n# Improved Documentation\n",
		`title_format = "a\n\n#### {version}"`:                   "a\n\n#### v1.0.0\n\n##### Improved Documentation\n",
		`name = "Shop"`:                                          "# Shop v1.0.0 (2026-03-08)\n\n## Improved Documentation\n",
		"name = \"Shop\"\ntitle_format = \"# {version} {name}\"": "# v1.0.0 Shop\n\n## Improved Documentation\n",
		`title_format = "# v{version}"`:                          "# v1.0.0\n\n## Improved Documentation\n",
	} {
		got := draft(t, map[string]string{"towncrier.toml": minimal + config, "newsfragments/1.doc": "Text."})
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", config, got, want)
		}
	}
	got := draft(t, map[string]string{"pyproject.toml": minimal + "[project]\nname = \"shop\""})
	if want := "# shop v1.0.0 (2026-03-08)\n\nNo significant changes.\n\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTypes(t *testing.T) {
	fragments := map[string]string{"newsfragments/1.chore.md": "A.", "newsfragments/2.FEAT.md": "B."}
	for config, want := range map[string]string{
		"[tool.towncrier.fragment.chore]\n[tool.towncrier.fragment.FEAT]\nname = \"New\"\ncheck = false":                                       "## New\n\n- B. (#2)\n\n## Chore\n\n- A. (#1)\n",
		"[[tool.towncrier.type]]\ndirectory = \"chore\"\nname = \"Other\"\nshowcontent = false\n[[tool.towncrier.type]]\ndirectory = \"FEAT\"": "## Other\n\n- #1\n\n## Feat\n\n- B. (#2)\n",
	} {
		texts := map[string]string{"towncrier.toml": minimal + config}
		for name, text := range fragments {
			texts[name] = text
		}
		if got := draft(t, texts); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", config, got, want)
		}
	}
}

func TestIssueFormats(t *testing.T) {
	fragments := map[string]string{
		"newsfragments/2.doc": "Text.", "newsfragments/gh-1.doc": "Text.", "newsfragments/3.doc": "A list:\n- one",
	}
	for config, want := range map[string]string{
		``:                          "- Text. (gh-1, #2)\n- A list:\n  - one\n\n  (#3)\n",
		`issue_format = ""`:         "- Text.\n- A list:\n  - one\n",
		`issue_format = "n{issue}"`: "- Text. (ngh-1, n2)\n- A list:\n  - one\n\n  (n3)\n",
		`issue_format = "[{issue}]: https://example.test/{issue}"`: "- Text. ([gh-1], [2])\n- A list:\n  - one\n\n  ([3])\n\n" +
			"[gh-1]: https://example.test/gh-1\n[2]: https://example.test/2\n[3]: https://example.test/3\n",
	} {
		texts := map[string]string{"towncrier.toml": minimal + config}
		for name, text := range fragments {
			texts[name] = text
		}
		if got := draft(t, texts); !strings.HasSuffix(got, "## Improved Documentation\n\n"+want+"\n\n") {
			t.Errorf("%s: got %q, want %q", config, got, want)
		}
	}
}

func TestWrongConfigurations(t *testing.T) {
	for config, want := range map[string]string{
		"x = ":                                            "towncrier.toml: is not TOML: line 1, column ",
		"[tool.other]":                                    "towncrier.toml: tool.towncrier is missing; expected a table with directory and filename",
		"[tool]\ntowncrier = 1":                           "towncrier.toml: tool.towncrier is missing",
		"[tool.towncrier]":                                "tool.towncrier.filename is \"NEWS.rst\", expected a name that ends in .md",
		minimal + "directory = 3":                         "towncrier.toml: tool.towncrier.directory is 3, expected a string",
		minimal + "directory = \"../x\"":                  "tool.towncrier.directory is \"../x\", expected a path below the repository's root",
		minimal + "directory = \".\"":                     "expected a path below the repository's root",
		minimal + "directory = \"/x\"":                    "expected a path below the repository's root",
		minimal + "wrap = \"yes\"":                        "tool.towncrier.wrap is the string \"yes\", expected true or false",
		minimal + "wrap = true":                           "tool.towncrier.wrap is true, which is not supported; remove it",
		minimal + "all_bullets = false":                   "tool.towncrier.all_bullets is false, which is not supported",
		minimal + "single_file = false":                   "tool.towncrier.single_file is false, which is not supported",
		minimal + "create_eof_newline = 1":                "tool.towncrier.create_eof_newline is 1, expected true or false",
		minimal + "template = \"news.md.j2\"":             "tool.towncrier.template is \"news.md.j2\": only towncrier's own template for Markdown is supported; remove it",
		minimal + "[[tool.towncrier.section]]":            "tool.towncrier.section is set: sections within a release are not supported; use types",
		minimal + "title_format = false":                  "tool.towncrier.title_format is false: a section without a heading could not be found again",
		minimal + "title_format = true":                   "tool.towncrier.title_format is true, expected a string",
		minimal + "title_format = \"## News\"":            "tool.towncrier.title_format is \"## News\", expected {version} in it",
		minimal + "title_format = \"{versoin}\"":          "{versoin} is not a placeholder (known: {name}, {version}, {project_date}); write {{ for a brace",
		minimal + "title_format = \"{version\"":           "{version is not a placeholder",
		minimal + "title_format = \"{version}}\"":         "unmatched }; write }} for a brace",
		minimal + "issue_format = \"#{number}\"":          "tool.towncrier.issue_format is \"#{number}\": {number} is not a placeholder (known: {issue}",
		minimal + "issue_format = []":                     "tool.towncrier.issue_format is a list, expected a string",
		minimal + "issue_pattern = \"(?=x)\"":             "expected a regular expression of Go's syntax",
		minimal + "ignore = [1]":                          "tool.towncrier.ignore is a list, expected a list of strings",
		minimal + "ignore = 1":                            "tool.towncrier.ignore is 1, expected a list of strings",
		minimal + "underlines = []":                       "tool.towncrier.underlines is empty",
		minimal + "underlines = {}":                       "tool.towncrier.underlines is a table, expected a list of strings",
		minimal + "title_fromat = \"x\"":                  "tool.towncrier.title_fromat is unknown; did you mean title_format? (known: all_bullets,",
		minimal + "singlefile = true":                     "did you mean single_file?",
		minimal + "package = \"shop\"":                    "tool.towncrier.name is missing: reading the name of a Python package is not supported",
		minimal + "type = 1":                              "tool.towncrier.type is 1, expected an array of tables",
		minimal + "type = [1]":                            "tool.towncrier.type is a list, expected an array of tables",
		minimal + "[[tool.towncrier.type]]\nname = \"x\"": "tool.towncrier.type[1].directory is missing",
		minimal + "[[tool.towncrier.type]]\ndirectory = \"x\"\n[[tool.towncrier.type]]\ndirectory = \"x\"": "tool.towncrier.type[2].directory is \"x\", which an earlier type has too",
		minimal + "[[tool.towncrier.type]]\ndirectory = \"x\"\nshowcontent = 0":                            "tool.towncrier.type[1].showcontent is 0, expected true or false",
		minimal + "[[tool.towncrier.type]]\ndirectory = \"x\"\nshowcontnet = true":                         "tool.towncrier.type[1].showcontnet is unknown; did you mean showcontent?",
		minimal + "[[tool.towncrier.type]]\ndirectory = \"x.y\"":                                           "tool.towncrier.type[1] is the type \"x.y\", expected a name without dot and slash",
		minimal + "fragment = 1":                                                            "tool.towncrier.fragment is 1, expected tables",
		minimal + "fragment = { x = 1 }":                                                    "tool.towncrier.fragment.x is 1, expected a table",
		minimal + "[tool.towncrier.fragment.x]\nname = 1":                                   "tool.towncrier.fragment.x.name is 1, expected a string",
		minimal + "[tool.towncrier.fragment.x]\n[[tool.towncrier.type]]\ndirectory = \"x\"": "tool.towncrier.type and fragment are both set",
		minimal + "wrap = true\ntemplate = \"t\"":                                           "template is \"t\"",
	} {
		_, err := changelog.ParseConfig(repository(map[string]string{"towncrier.toml": config}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v\nwant %q", config, err, want)
		}
	}
	_, err := changelog.ParseConfig(repository(map[string]string{"towncrier.toml": "a = 1\nx = "}))
	var wrong *changelog.ConfigError
	if !errors.As(err, &wrong) || wrong.Line != 2 || wrong.Column == 0 {
		t.Errorf("error %#v, want its line", err)
	}
	if _, err := changelog.ParseConfig(repository(nil)); err == nil || !strings.Contains(err.Error(), "pyproject.toml") {
		t.Errorf("error %v; want it to name the files", err)
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	_, err := changelog.ParseConfig(repository(map[string]string{"towncrier.toml": minimal + "wrap = true\nname = 3\nx = 1"}))
	for _, want := range []string{"wrap", "name", "towncrier.x "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want it to name %s", err, want)
		}
	}
}

func TestIgnored(t *testing.T) {
	texts := map[string]string{
		"towncrier.toml":              minimal + `ignore = ["*.JINJA", "[!a]?.x", "left[", "[]x]y"]` + "\nissue_pattern = \"[0-9]+\"",
		"newsfragments/1.doc":         "Text.",
		"newsfragments/+any.doc":      "Text.",
		"newsfragments/News.md.jinja": "", "newsfragments/bc.x": "", "newsfragments/LEFT[": "", "newsfragments/]y": "",
		"newsfragments/.gitkeep": "", "newsfragments/ReadMe.rst": "", "newsfragments/readme.txt": "", "newsfragments/sub/.keep": "",
	}
	if got := draft(t, texts); !strings.HasSuffix(got, "\n\n- Text. (#1)\n\n\n") {
		t.Errorf("got %q", got)
	}
	for name, want := range map[string]string{
		"newsfragments/ac.x":     "no type in its name",
		"newsfragments/gh-1.doc": "its issue \"gh-1\" does not match issue_pattern of towncrier.toml; rename it",
	} {
		_, err := changelog.Draft(repository(map[string]string{"towncrier.toml": texts["towncrier.toml"], name: "x"}), changelog.Input{Version: "1", Date: "2026-03-08"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v; want %q", name, err, want)
		}
	}
}
