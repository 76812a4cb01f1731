package markdown

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// everything turns on the rules and options that are off by default.
var everything, _ = ParseSettings(`
MD009: {strict: true, list_item_empty_lines: true}
MD010: {ignore_code_languages: [go]}
MD013: {line_length: 10, stern: true}
MD043: {headings: ["# a", "*"]}
MD044: {names: [Go, GitHub]}
MD052: {shortcut_syntax: true}
MD054: {inline: false, url_inline: false}
`, nil)

func FuzzLint(f *testing.F) {
	for _, seed := range []string{
		"# a\n\n* b\n\t- c\n\n> > d\n", "| a | b |\n|-|-|\n| `\\|` | c\nd\n", "[a][b] ![c](d) [e]: f\n\n[e]: <#x>\n", "```\n~~~\n> ```\n",
		"***a** b* __c_ ` d ``e` $f$\n===\n", "<div>\n<a name='x'>\n\n<!-- markdownlint-disable MD001 -->\n", "[^1] x\n\n[^1]: y\n    - z\n",
		"1.\t\t- a\r\n9) b\n   1) c\n", "<!-- markdownlint-configure-file {\"MD013\": {\"line_length\": 3}} -->\n[[w|x]] me@example.org https://x.y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 1<<14 {
			t.Skip()
		}
		lines := strings.Split(text, "\n")
		for _, p := range Lint(page.Parse("page.md", text), everything) {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 0 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 || p.Message == "" {
				t.Errorf("%+v is not in the text", p)
			}
		}
	})
}

func FuzzSettings(f *testing.F) {
	for _, seed := range []string{
		"default: true\nMD013: {line_length: 100}\n", "MD022:\n  lines_above: [1, -1]\n", "{\"MD044\": {\"names\": [\"x\"]}}", "a: &a [*a]\n", "whitespace: false\nMD999: 1\n", "- x\n", "MD041: ~\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		settings, problems := ParseSettings(text, nil)
		for _, p := range problems {
			if p.Line < 1 || p.Column < 0 || p.Rule != SettingsRule || p.Message == "" {
				t.Errorf("%+v", p)
			}
		}
		Lint(page.Parse("page.md", "# a\n\n- b\n\n| c |\n|-|\n"), settings)
	})
}

func FuzzSwitches(f *testing.F) {
	for _, seed := range []string{
		"<!-- markdownlint-disable -->\n<!-- markdownlint-enable MD001 -->", "<!--markdownlint-capture--><!-- markdownlint-restore -->", "<!-- markdownlint-disable-line", "<!-- markdownlint-configure-file {} --> <!-- markdownlint-disable-next-line x -->",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := newSource(text)
		w, _ := readDirectives(s, Defaults())
		if w.masks != nil && len(w.masks) != len(s.raw) {
			t.Errorf("%d lines, %d masks", len(s.raw), len(w.masks))
		}
		if rebuilt := strings.Count(hideComments(text), "\n"); rebuilt != strings.Count(text, "\n") || !slices.IsSorted(s.starts) {
			t.Error("hiding comments moves lines")
		}
	})
}
