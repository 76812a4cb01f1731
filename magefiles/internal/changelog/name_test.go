package changelog

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func isType(s string) bool { return s == "feature" || s == "bugfix" }

func TestNames(t *testing.T) {
	for name, want := range map[string][3]string{
		"7.feature":         {"7", "feature", "0"},
		"007.feature.md":    {"7", "feature", "0"},
		"000.feature":       {"0", "feature", "0"},
		"fix-1.2.3.feature": {"fix-1.2.3", "feature", "0"},
		"x.feature.2.md":    {"x", "feature", "2"},
		"x.feature.002":     {"x", "feature", "2"},
		"x.feature.md.2":    {"x", "feature", "0"},
		"x.bugfix.feature":  {"x.bugfix", "feature", "0"},
		" x .feature.md~":   {"x", "feature", "0"},
		"+.feature":         {"+", "feature", "0"},
		".feature":          {"", "feature", "0"},
		".x.feature.swp":    {".x", "feature", "0"},
		"feature":           {},
		"feature.md":        {},
		"x.Feature":         {},
		"99999999999999999999.bugfix.88888888888888888888": {"99999999999999999999", "bugfix", "88888888888888888888"},
	} {
		issue, kind, counter, ok := parseName(name, isType)
		if got := [3]string{issue, kind, counter}; got != want || ok != (kind != "") {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestOrderOfIssues(t *testing.T) {
	ordered := []string{"Beta", "alpha", "omega", "#3", "#11", "a1", "a2b", "gh-4", "gh-10", "2", "10", "99999999999999999999", "100000000000000000000"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := compareIssues(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%s and %s compare as %d", a, b, got)
			}
		}
	}
}

func TestGlobs(t *testing.T) {
	for pattern, names := range map[string][2][]string{
		"*.jinja":  {{".jinja", "a.b.jinja", "a\n.jinja"}, {"jinja", "a.jinja2"}},
		"a?c":      {{"abc", "a日c"}, {"ac", "abbc"}},
		"[ab]x":    {{"ax", "bx"}, {"cx", "x"}},
		"[!ab]x":   {{"cx", "!x"}, {"ax", "x"}},
		"[a-c]":    {{"b"}, {"d", "-"}},
		"[]a]":     {{"]", "a"}, {"b"}},
		"[!]a]":    {{"b"}, {"]", "a"}},
		"[^a]":     {{"^", "a"}, {"b"}},
		"[a":       {{"[a"}, {"a"}},
		"[\\d]":    {{"\\", "d"}, {"1"}},
		"[z-a]":    {{}, {"z", "a", "m", "-", ""}},
		"a.b+(c)$": {{"a.b+(c)$"}, {"axb+(c)$"}},
	} {
		compiled := glob(pattern)
		for i, list := range names {
			for _, name := range list {
				if compiled.MatchString(name) != (i == 0) {
					t.Errorf("%s and %q: %t", pattern, name, i != 0)
				}
			}
		}
	}
}

func FuzzName(f *testing.F) {
	for _, seed := range []string{"7.feature", "+x.bugfix.1.md", "007.feature.00", ".feature", "a.b.c", "x.feature.feature.9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		issue, kind, counter, ok := parseName(name, isType)
		if !ok {
			for i, part := range strings.Split(name, ".") {
				if i > 0 && isType(part) {
					t.Errorf("%q has the type %s", name, part)
				}
			}
			return
		}
		if !isType(kind) || !isNumber(counter) || strip(issue) != issue {
			t.Errorf("%q: %q %q %q", name, issue, kind, counter)
		}
		again := issue + "." + kind + "." + counter
		if i, k, c, ok := parseName(again, isType); !ok || i != issue || k != kind || c != counter {
			t.Errorf("%q: %q became %q %q %q", name, again, i, k, c)
		}
		if compareIssues(issue, issue) != 0 {
			t.Errorf("%q differs from itself", issue)
		}
	})
}

func FuzzGlob(f *testing.F) {
	for _, seed := range []string{"*.md", "[!a-z]?", "[]", "[z-a]", "a[", "[[:alpha:]]", "\\", "[^]", "[&&]"} {
		f.Add(seed, "readme.md")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		compiled := glob(pattern)
		if !strings.ContainsAny(pattern, "*?[") && utf8.ValidString(pattern) && utf8.ValidString(name) && compiled.MatchString(name) != (pattern == name) {
			t.Errorf("%q and %q: %t", pattern, name, pattern != name)
		}
	})
}
