package checks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	news "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// styled returns the findings of the checks of style and of the changelog in a repository.
func styled(t *testing.T, files map[string]string) string {
	t.Helper()
	fsys, names := fstest.MapFS{}, []string{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		names = append(names, name)
	}
	report, err := validate.Run(t.Context(), validate.NewTree(fsys, names), []validate.Check{style, changelog}, validate.Options{Site: site})
	if err != nil || len(report.Failures) > 0 {
		t.Fatal(err, report.Failures)
	}
	var all strings.Builder
	for _, f := range report.Findings {
		all.WriteString(f.String() + "\n")
	}
	return all.String()
}

// TestReleasesKeepTheStyle makes several releases and checks the changelog after each. Every rule is on.
func TestReleasesKeepTheStyle(t *testing.T) {
	const types = "\n[[tool.towncrier.type]]\ndirectory = \"feature\"\nname = \"Features\"\nshowcontent = true\n" +
		"[[tool.towncrier.type]]\ndirectory = \"misc\"\nname = \"Misc\"\nshowcontent = false\n"
	for name, c := range map[string]struct{ config, file, start string }{
		"as here":         {"title_format = \"## [{version}] - {project_date}\"\nissue_format = \"\"\n", "CHANGELOG.md", "# Changelog\n\nAll changes.\n\n<!-- towncrier release notes start -->\n"},
		"level 1":         {"title_format = \"# {version} ({project_date})\"\n", "docs/NEWS.md", "<!-- towncrier release notes start -->\n"},
		"issues as links": {"issue_format = \"[#{issue}](https://forge.example/i/{issue})\"\ntitle_format = \"## {version}\"\n", "NEWS.md", "# News\n\n<!-- towncrier release notes start -->\n\n\n\n"},
		"no marker":       {"title_format = \"## {version}\"\n", "NEWS.md", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{
				"towncrier.toml": "[tool.towncrier]\ndirectory = \"changelog.d\"\nfilename = \"" + c.file + "\"\n" + c.config + types, c.file: c.start,
				".markdownlint.yaml": "default: true\nMD004: {style: asterisk}\nMD041: false\nMD013: false\n",
			}
			for n := range 6 {
				release(t, files, n)
				got := styled(t, files)
				if c.start == "" {
					got = strings.ReplaceAll(got, c.file+`: there is no line "<!-- towncrier release notes start -->\n"`, "")
				}
				if c.start != "" && got != "" {
					t.Fatalf("after release %d: %s\n%s", n, got, files[c.file])
				}
				if strings.Contains(got, "[markdown/") {
					t.Fatalf("after release %d: %s\n%s", n, got, files[c.file])
				}
			}
			// Mistakes that the format does not prescribe are found.
			files[c.file] = strings.Replace(files[c.file], "\n\n\n#", "\n\n\n\n#", 1) + "\n## Features\n\n\n* x\n   \n* y\n"
			got := styled(t, files)
			if strings.Count(got, "MD012") != 3 {
				t.Errorf("other blank lines: %s", got)
			}
			if strings.Count(got, "MD009") != 1 {
				t.Errorf("spaces on an empty line: %s", got)
			}
		})
	}
}

// release makes a release with different fragments each time.
func release(t *testing.T, files map[string]string, n int) {
	t.Helper()
	for i := range n % 4 {
		files[fmt.Sprintf("changelog.d/%d.feature.md", 10*n+i)] = fmt.Sprintf("Feature %d.\n\nMore of %d.\n", i, n)
		files[fmt.Sprintf("changelog.d/+x%d.feature.md", i)] = "Without an issue, in\ntwo lines.\n"
		files[fmt.Sprintf("changelog.d/%d.misc.md", 10*n+i)] = "Hidden.\n"
	}
	fsys := fstest.MapFS{"changelog.d/.gitkeep": {}}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	built, err := news.Build(fsys, news.Input{Version: fmt.Sprintf("v1.%d.0", n), Date: fmt.Sprintf("2026-03-%02d", n+1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range built.Changes {
		if delete(files, change.Path); !change.Delete {
			files[change.Path] = string(change.Content)
		}
	}
}

// TestTowncriersOwnChangelogs checks changelogs that towncrier itself wrote, from the cases of package changelog.
func TestTowncriersOwnChangelogs(t *testing.T) {
	root := filepath.Join("..", "..", "changelog", "testdata")
	found, err := filepath.Glob(filepath.Join(root, "*", "*", "after.md"))
	if err != nil || len(found) < 20 {
		t.Fatalf("%d changelogs, %v", len(found), err)
	}
	config, err := os.ReadFile(filepath.Join(root, "towncrier.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		switch filepath.Base(filepath.Dir(name)) {
		case "t03-multiline", "t10-no-marker":
			continue // a fragment's text has blank lines and another bullet; the changelog has no marker for sections
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		// The recorded changelogs are cut after their second section.
		files := map[string]string{"CHANGELOG.md": strings.TrimRight(string(text), "\n") + "\n", "towncrier.toml": string(config), ".markdownlint.yaml": "default: false\nMD012: true\nMD024: true\nMD004: true\nMD022: true\nMD025: {front_matter_title: \"\"}\n"}
		for line := range strings.Lines(styled(t, files)) {
			if strings.Contains(line, "markdown/") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}
