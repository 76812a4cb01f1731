package fragment_test

import (
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/fragment"
)

// section is the section that a release writes for a fragment.
func section(text string) string {
	return "## [v1] - 2026-01-01\n\n### Features\n\n- " + strings.ReplaceAll(text, "\n", "\n  ") + "\n\n\n"
}

func problems(text string) []fragment.Problem { return fragment.Problems(section(text), section("x")) }

func TestProblems(t *testing.T) {
	ends := []fragment.Problem{{1, "ends its list"}}
	code := func(line int) []fragment.Problem {
		return []fragment.Problem{{line, "opens a code block that is not closed"}}
	}
	for text, want := range map[string][]fragment.Problem{
		"Text.": nil,
		"# Heading\n\nText with `--` and\n\n- a\n- list\n\n## [v2] - 2026-01-01": nil,
		"- a":                             nil,
		"--":                              ends,
		"- -":                             ends,
		"```\ncode\n```":                  nil,
		"Text:\n\n~~~~sh\n```\n~~~~\nEnd": nil,
		"```\n```":                        nil,
		"```":                             code(1),
		"Text:\n\n```go\nfunc\n\nEnd":     code(3),
		"```\ncode\n``` (#12)":            code(1),
		"<!-- a -->":                      nil,
		"Text\n\n<!-- a\nb\n-->\nc":       nil,
		"Text\n\n<!-- a\nb\n":             {{3, "opens a comment that is not closed"}},
		"in <!-- a line":                  nil,
		"<details>\n\ntext":               nil,
	} {
		if got := problems(text); !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestHostile(t *testing.T) {
	for _, part := range []string{"> ", "- ", "[", "```\n", "*a_", "<!-- ", "![a](", "`a``", "**a", "&", "<a ", "[a]: b\n\n", "a | b\n"} {
		text := strings.Repeat(part, 7500/len(part))
		problems(text)
	}
}

// For any text, reported lines are within it.
func FuzzProblems(f *testing.F) {
	f.Add("Text:\n\n```go\nfunc\n\nEnd")
	f.Add("<!-- a\n\n> - ~~~")
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range problems(text) {
			if p.Line < 1 || p.Line > strings.Count(text, "\n")+2 {
				t.Errorf("%+v", p)
			}
		}
	})
}
