package markdown

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// fixed is a page after all rounds of fixes.
func fixed(t testing.TB, text string, s *Settings) string {
	t.Helper()
	for range 50 {
		after, _ := validate.Edited(text, Fixes(text, Lint(page.Parse("page.md", text), s)))
		if after == text {
			return text
		}
		text = after
	}
	t.Errorf("the fixes do not end: %q", text)
	return text
}

// otherwise are the cases in which the fix of markdownlint would change the shown page, or gives another text.
var otherwise = map[string]string{
	"MD007/4": "the text of an item moves with it",
	"MD007/5": "a list in a quote is left alone",
	"MD009/1": "a line break stays",
	"MD023/3": "an underlined heading is left alone",
	"MD031/3": "a list with blank lines is shown with more space",
}

// TestFixesAreMarkdownlints compares with the recorded results of markdownlint.
func TestFixesAreMarkdownlints(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "fixed.txtar"))
	if err != nil || len(archive.Files) < 50 {
		t.Fatalf("%d files, %v", len(archive.Files), err)
	}
	text := func(i int) string { return strings.TrimSuffix(string(archive.Files[i].Data), "%no newline\n") }
	for i := 0; i+1 < len(archive.Files); i += 2 {
		name := strings.TrimSuffix(archive.Files[i].Name, "/before")
		rule, _, _ := strings.Cut(name, "/")
		s, _ := ParseSettings("default: false\n"+rule+": true\n", nil)
		got, want := fixed(t, text(i), s), text(i+1)
		if reason := otherwise[name]; (got == want) != (reason == "") {
			t.Errorf("%s (%s): got\n%q, want\n%q", name, reason, got, want)
		}
		if shows(text(i)) != shows(got) && rule != "MD018" {
			t.Errorf("%s: shows\n%s\nand then\n%s", name, shows(text(i)), shows(got))
		}
	}
}

// TestRepairs has the fixes that change the shown page.
func TestRepairs(t *testing.T) {
	t.Parallel()
	for before, after := range map[string]string{
		"##Title\n":                                  "## Title\n",
		"1. a\n  - b\n    - c\n  - d\n\ne\n":         "1. a\n   - b\n     - c\n   - d\n\ne\n",
		"10. a\n  - b\n    text\n":                   "10. a\n    - b\n      text\n",
		"1. a\n\t- b\n":                              "1. a\n\t- b\n", // a tab is enough
		"##Title\r\n1. a\r\n - b\r\n":                "## Title\r\n1. a\r\n   - b\r\n",
		"<!-- markdownlint-disable -->\n\n##Title\n": "<!-- markdownlint-disable -->\n\n##Title\n",
	} {
		if got := fixed(t, before, WithoutFile()); got != after {
			t.Errorf("%q: got %q, want %q", before, got, after)
		}
	}
}

// FuzzFixes: the fixes of any page end, and do not change what it shows. (MD007 and MD018 do, without a settings file.)
func FuzzFixes(f *testing.F) {
	for _, seed := range []string{
		"# a \nb\n- c\n    - d\n      e\n\n\n\n```\nf\n```\n> # g\n> h", "a   \nb \r\n\r\n\r\n# c\r\n", "- a\n\n\n  b\n# c\n1. d\n\t- e\n",
		"---\ntitle: x \n---\n\n\n\na\n", "<div>\n\n\n a \n</div>\n# b\n|c|\n|-|\n", "* a\n * b\n  * c\n   * d\n      * e\n", "a  \n\n  # b\n```\nc", "[^1]\n\n[^1]: a\n    - b\n\n\n        c\n",
	} {
		f.Add(seed)
	}
	all, _ := ParseSettings("MD018: false\n", nil)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			return
		}
		got := fixed(t, text, all)
		if before, after := shows(text), shows(got); before != after {
			t.Errorf("%q becomes %q, which shows\n%s\nand not\n%s", text, got, after, before)
		}
		fixed(t, text, WithoutFile())
	})
}
