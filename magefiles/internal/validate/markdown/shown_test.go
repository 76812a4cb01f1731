package markdown

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// pairs have for each rule a page with its finding, and the same page after the correction.
var pairs = map[string][2]string{
	"MD001": {"# a\n\n### b\n", "# a\n\n## b\n"},
	"MD003": {"# a\n\nb\n-\n", "# a\n\n## b\n"},
	"MD004": {"- a\n- b\n\ntext\n\n* c\n", "- a\n- b\n\ntext\n\n- c\n"},
	"MD005": {"- a\n - b\n", "- a\n  - b\n"},
	"MD007": {"1. a\n  - b\n", "1. a\n   - b\n"},
	"MD009": {"a \nb\n", "a\nb\n"},
	"MD010": {"a\tb\n", "a b\n"},
	"MD011": {"(a)[https://b.example]\n", "[a](https://b.example)\n"},
	"MD012": {"a\n\n\nb\n", "a\n\nb\n"},
	"MD018": {"##A title\n", "## A title\n"},
	"MD019": {"##  a\n", "## a\n"},
	"MD020": {"##a##\n", "## a ##\n"},
	"MD021": {"##  a  ##\n", "## a ##\n"},
	"MD022": {"a\n# b\nc\n", "a\n\n# b\n\nc\n"},
	"MD023": {"a\n\n  # b\n", "a\n\n# b\n"},
	"MD027": {">  a\n", "> a\n"},
	"MD029": {"1. a\n2. b\n2. c\n3. d\n", "1. a\n2. b\n3. c\n4. d\n"},
	"MD030": {"-  a\n", "- a\n"},
	"MD031": {"a\n```text\nb\n```\nc\n", "a\n\n```text\nb\n```\n\nc\n"},
	"MD032": {"a\n- b\n\nc\n", "a\n\n- b\n\nc\n"},
	"MD034": {"https://a.example\n", "<https://a.example>\n"},
	"MD035": {"a\n\n---\n\n***\n", "a\n\n---\n\n---\n"},
	"MD037": {"** a ** b\n", "**a** b\n"},
	"MD042": {"[a]()\n", "[a](https://b.example)\n"},
	"MD045": {"![](a.png)\n", "![a](a.png)\n"},
	"MD046": {"```\na\n```\n\ntext\n\n    b\n", "```\na\n```\n\ntext\n\n```\nb\n```\n"},
	"MD047": {"a", "a\n"},
	"MD048": {"```\na\n```\n\n~~~\nb\n~~~\n", "```\na\n```\n\n```\nb\n```\n"},
	"MD049": {"*a* _b_\n", "*a* *b*\n"},
	"MD050": {"**a** __b__\n", "**a** **b**\n"},
	"MD052": {"[a][b]\n", "[a][b]\n\n[b]: https://b.example\n"},
	"MD053": {"[a]\n\n[a]: https://a.example\n[a]: https://b.example\n", "[a]\n\n[a]: https://b.example\n"},
	"MD055": {"| a | b |\n| - | - |\nc | d |\n", "| a | b |\n| - | - |\n| c | d |\n"},
	"MD056": {"| a |\n| - |\n| b | c |\n", "| a | d |\n| - | - |\n| b | c |\n"},
	"MD058": {"# x\n| a |\n| - |\n", "# x\n\n| a |\n| - |\n"},
	"MD060": {"| a |\n|-|\n", "| a |\n| - |\n"},
}

// exceptions are rules that rendering does not decide, each with its reason.
var exceptions = map[string]string{
	"MD001": "off: the reader sees a smaller heading, as it is written",
	"MD029": "on: both pages have the numbers 1 to 4, and only the second one says so",
}

// byHand are rules whose corrections are other words: the page is shown as it is written.
var byHand = []string{"MD013", "MD014", "MD024", "MD025", "MD026", "MD028", "MD033", "MD036", "MD038", "MD039", "MD040", "MD041", "MD043", "MD044", "MD054", "MD059"}

// elsewhere are rules that another check of validate has.
var elsewhere = map[string]string{"MD051": "links/heading"}

var whiteSpace = regexp.MustCompile(`\s+`)

// TestShownByRendering renders each pair: the pages differ exactly if the rule is on without a settings file.
func TestShownByRendering(t *testing.T) {
	t.Parallel()
	renderer := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	render := func(text string) string {
		var b bytes.Buffer
		if err := renderer.Convert([]byte(text), &b); err != nil {
			t.Fatal(err)
		}
		html := strings.ReplaceAll(b.String(), "> <", "><")
		return strings.TrimSpace(whiteSpace.ReplaceAllString(html, " "))
	}
	for _, rule := range Rules {
		pair, ok := pairs[rule.ID]
		if slices.Contains(byHand, rule.ID) || elsewhere[rule.ID] != "" {
			if ok || Shown[rule.ID] != "" {
				t.Errorf("%s has a pair, or is on", rule.ID)
			}
			continue
		}
		if !ok {
			t.Errorf("%s has no pair", rule.ID)
			continue
		}
		if differs := render(pair[0]) != render(pair[1]); differs != (Shown[rule.ID] != "") && exceptions[rule.ID] == "" {
			t.Errorf("%s: on is %v, but the pages are\n%s\n%s", rule.ID, Shown[rule.ID] != "", render(pair[0]), render(pair[1]))
		}
		found := func(text string, s *Settings) bool {
			return slices.ContainsFunc(Lint(page.Parse("page.md", text), s), func(p Problem) bool { return p.Rule == rule.ID })
		}
		if !found(pair[0], Defaults()) || found(pair[1], Defaults()) {
			t.Errorf("%s: the rule does not tell the pages of its pair apart", rule.ID)
		}
		if got := found(pair[0], WithoutFile()); got != (Shown[rule.ID] != "") || found(pair[1], WithoutFile()) {
			t.Errorf("%s: without a settings file, a finding is %v", rule.ID, got)
		}
	}
}

// TestShownReportsLess has the findings of markdownlint that a reader does not see.
func TestShownReportsLess(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"- a\n    - b\n":                          "",
		"1. a\n\n   - b\n":                        "",
		"1. a\n - b\n":                            "MD007",
		"text\n\n  - a\n":                         "",
		"#tag #docs/two\n":                        "",
		"#123 is closed\n":                        "",
		"#A title\n":                              "MD018",
		"1. a\n1. b\n1. c\n":                      "",
		"3. a\n4. b\n":                            "",
		"3. a\n4. b\n6. c\n":                      "MD029",
		"[a]: https://a.example\n":                "",
		"| a | b |\n| - | - |\n| [[x|y]] | z |\n": "",
		"| a |\n| - |\n| [[x|y]] | z |\n":         "MD056",
		"| a | b |\n| - | - |\n| c | d |\n{: .table .dark }\n":                   "", // kramdown
		"| a | b |\n| - | - |\n| c | d |\n{: .x } text\n":                        "MD056",
		"| a | b |\n| - | - |\n| ![](a.png) | <img src=a.png> |\n":               "",
		"<table>\n<tr>\n<td><img src=a.png></td>\n<td>a</td>\n</tr>\n</table>\n": "",
		"<table>\n<tr>\n<TD>a\n<TD><img src=a.png>\n</table>\n<img src=b.png>\n": "MD045",
		"<p><img src=a.png></p>\n":                                               "MD045",
		"a \n# b\n- c\n\n\n\n```\nd\n```\n<b>e</b>\n":                            "",
	} {
		var got []string
		for _, p := range Lint(page.Parse("page.md", text), WithoutFile()) {
			got = append(got, p.Rule)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestShownIsDocumented compares the page with the rules.
func TestShownIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "how-to", "validate-the-repository.md"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "\n| `MD"); got != len(Shown) {
		t.Errorf("%d rules, want %d", got, len(Shown))
	}
	for rule, reason := range Shown {
		if row := "\n| `" + rule + "` | " + reason + " |\n"; !strings.Contains(string(text), row) {
			t.Errorf("the page does not have the row%s", row)
		}
	}
}

func TestJSONC(t *testing.T) {
	t.Parallel()
	text := "// a {\r\n{\t\"default\": false, /* \"x\" **/ \"MD013\": {\"line_length\": 5,}, // y\n\t\"MD044\": {\"names\": [\"http://\\\"//\"]}\n}\n"
	s, problems := ParseSettings(WithoutComments(text), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := Lint(page.Parse("page.md", "a b c d e f g\n"), s); len(got) != 1 || got[0].Rule != "MD013" {
		t.Errorf("%+v", got)
	}
	for i, rule := range Rules {
		if names := s.options[i]["names"]; rule.ID == "MD044" && names.([]string)[0] != `http://"//` {
			t.Errorf("%q", names)
		}
	}
}

func TestCLI(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"config:\n  default: false\n  MD047: true\n": "MD047",
		"ignores: [x]\n": "none",
		"":               "none",
		"config: 1\n":    "settings",
		"[":              "settings",
	} {
		s, problems := ParseCLI(text, nil)
		got := "none"
		switch {
		case len(problems) > 0:
			got = problems[0].Rule
		case s != nil:
			got = Lint(page.Parse("page.md", "a"), s)[0].Rule
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func FuzzWithoutComments(f *testing.F) {
	for _, seed := range []string{"/*", "//", "/*/", "\"\\", "{\"a\": \"b\" /* c */}\t// d\r\n", "é\"//\"/**/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := WithoutComments(text); len(got) != len(text) || strings.Count(got, "\n") != strings.Count(text, "\n") || WithoutComments(got) != got {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
