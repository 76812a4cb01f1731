package changelog_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
)

// FuzzConfig: a configuration is refused with a *ConfigError, or a section can be made with it and found again.
func FuzzConfig(f *testing.F) {
	f.Add(read(f, "testdata/towncrier.toml"))
	f.Add(minimal + "issue_format = \"[#{issue}]: {{x}}\"\nignore = [\"*\"]\nissue_pattern = \"[0-9]+\"\nunderlines = \"=-~\"")
	f.Add(minimal + "title_format = \"# {name}\\n{version}{version} {project_date}\"\nname = \"x\"\n[tool.towncrier.fragment.doc]\nshowcontent = false")
	f.Add("[tool]\ntowncrier = { filename = \"a.md\", type = [{ directory = \"doc\" }], wrap = 1 }")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := changelog.ParseConfig(repository(map[string]string{"towncrier.toml": text}))
		var wrong *changelog.ConfigError
		if err != nil {
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "towncrier.toml: ") {
				t.Errorf("error %v", err)
			}
			return
		}
		fragments := []changelog.Fragment{{Path: "1", Issue: "1", Type: c.Types[0].Key, Counter: "0", Text: "Text."}}
		section := changelog.Render(c, fragments, "v1.0.0", "2026-03-08")
		if !strings.HasSuffix(section, "\n\n") {
			t.Errorf("the section is %q", section)
		}
		if strings.ContainsAny(text, "\r\\") || strings.Contains(text, "start_string") {
			return // a title with blanks at its ends, or one that contains the marker
		}
		if found, ok := changelog.FindSection(c, section, "v1.0.0"); !ok || found.Version != "v1.0.0" && found.Version != "1.0.0" {
			t.Errorf("%q: found %+v, %t", section, found, ok)
		}
	})
}

// FuzzInsert: with any changelog and fragment, the section is inserted, the text below stays below, and the next run has nothing
// to do.
func FuzzInsert(f *testing.F) {
	f.Add(read(f, "testdata/CHANGELOG.md"), "Text.")
	f.Add("", "- a\n- b\n\n## [v0.1.0] - 2026-01-01")
	f.Add("\ufeff# C\r\n<!-- towncrier release notes start -->\r\n\r\nold", "```\ncode\n```")
	f.Add("<!-- towncrier release notes start -->", "\x0c\u2028x (y)")
	c := config(f, read(f, "testdata/towncrier.toml"))
	f.Fuzz(func(t *testing.T, old, text string) {
		files := repository(shop(t, map[string]string{"CHANGELOG.md": old, "docs/changelog.d/x.feature.md": text}))
		if _, ok := changelog.FindSection(c, old, release.Version); ok {
			return
		}
		built, err := changelog.Build(files, release)
		if err != nil {
			if utf8.ValidString(old) && utf8.ValidString(text) && blankless(strings.ReplaceAll(text, "\ufeff", "")) != "" {
				t.Errorf("error %v", err)
			}
			return
		}
		made := string(built.Changes[0].Content)
		if !strings.Contains(made, strings.TrimRight(built.Section, "\n")) {
			t.Errorf("%q is not in %q", built.Section, made)
		}
		below := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(old)
		if _, after, marked := strings.Cut(below, "<!-- towncrier release notes start -->\n"); marked {
			below = after
		}
		if below = blankless(strings.TrimPrefix(blankless(below), "\ufeff")); !strings.HasSuffix(blankless(made), below) {
			t.Errorf("%q is gone from the end of %q", below, made)
		}
		apply(t, files, built.Changes[:1])
		if again, err := changelog.Build(files, release); err != nil || !again.Exists {
			t.Errorf("the second time: %+v, %v; the changelog is %q", again, err, made)
		}
	})
}

// blankless is a text without the characters around it that Python takes for blanks.
func blankless(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' })
}
