package markdown

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// The cases of validate/checks test the rules. This file has the cases that a txtar archive cannot hold.

func lint(t *testing.T, text, settings string) []string {
	t.Helper()
	s, problems := ParseSettings(settings, nil)
	for _, p := range problems {
		t.Errorf("settings: %+v", p)
	}
	var found []string
	for _, p := range Lint(page.Parse("page.md", text), s) {
		found = append(found, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Rule))
	}
	return found
}

func TestEndsAndLineEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"# Title\n\nText", "3:4 MD047"},
		{"# Tïtle\n\nText ü", "3:6 MD047"},
		{"# Title\r\n\r\nText.\r\n", ""},
		{"# Title\r\n\r\nText. \r\n", "3:6 MD009"},
		{"# Title\r\n\r\n```text\r\ncode\r\n```\r\n\r\n| a |\r\n| - |\r\n| b |\r\n", ""},
		{"", ""},
		{"\n", "2:0 MD012"},
		{"---\ntitle: x\n---\n", ""},
		{"---\nnever closed\n\n\n\n", ""},
		{"+++\ntitle = 'x'\n+++\n\nText.\n", ""},
		{"日本 https://example.org 日本\n", "1:0 MD041 1:4 MD034"},
	} {
		if got := strings.Join(lint(t, c.text, ""), " "); got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ settings, text, want string }{
		{"MD003: {style: setext_with_atx}", "Title\n=====\n\n## Two\n\n### Three\n", "4:0 MD003"},
		{"MD004: {style: sublist}", "- a\n  + b\n    - c\n- d\n", ""},
		{"MD004: {style: plus}", "- a\n", "1:1 MD004"},
		{"MD007: {indent: 4}", "- a\n    - b\n  - c\n", "3:1 MD007"},
		{"MD007: {start_indented: true}", "  - a\n", ""},
		{"MD009: {strict: true}", "a  \nb  \n", "2:2 MD009"},
		{"MD009: {list_item_empty_lines: true}", "- a\n\n  b\n", ""},
		{"MD010: {code_blocks: false}", "\ta\n\n```go\n\tb\n```\n", ""},
		{"MD010: {ignore_code_languages: [go]}", "```go\n\tb\n```\n\n```sh\n\tb\n```\n", "6:1 MD010"},
		{"MD013: {line_length: 5, heading_line_length: 20, code_blocks: false}", "# A title here\n\n```text\nlong code line\n```\n\nlong line\n\n`a b` c d\n", "7:6 MD013 9:6 MD013"},
		{"MD013: {line_length: 5, strict: true}", "long_line\n", "1:6 MD013"},
		{"MD013: {line_length: 5, stern: true}", "long_line\n\nlong line\n", "3:6 MD013"},
		{"MD022: {lines_above: [0, 2], lines_below: 0}", "# a\n\n## b\n\n\n## c\n", "3:0 MD022"},
		{"MD024: {siblings_only: true}", "# a\n\n## b\n\n### c\n\n## d\n\n### c\n", ""},
		{"MD029: {style: zero}", "0. a\n1. b\n", "2:1 MD029"},
		{"MD029: {style: one}", "1. a\n2. b\n", "2:1 MD029"},
		{"MD030: {ul_single: 3}", "-   a\n-   b\n", ""},
		{"MD033: {allowed_elements: [b]}", "a <b>c</b> <i>d</i>\n", "1:12 MD033"},
		{"MD041: {allow_preamble: true}", "Text.\n\n# Title\n", ""},
		{"MD041: {level: 2}", "## Two\n", ""},
		{"MD041: {front_matter_title: '^name:'}", "---\nname: x\n---\n\nText.\n", ""},
		{"MD043: {headings: ['*', '## b', '+']}", "# a\n\n## b\n\n## c\n", ""},
		{"MD044: {names: [GitHub], code_blocks: false}", "github `github` GitHub my_github_\n", "1:1 MD044"},
		{"MD046: {style: fenced}", "    a\n", "1:0 MD046"},
		{"MD049: {style: underscore}", "*a* b*c*d\n", "1:1 MD049 1:3 MD049"},
		{"MD051: {ignore_case: true}", "# Title\n\n[a](#TITLE) [b](#%74itle)\n", ""},
		{"MD052: {shortcut_syntax: true}", "[a] [b](c)\n", "1:1 MD052"},
		{"MD060: {style: tight}", "|a|b|\n|-|-|\n| c|d|\n", "3:1 MD060"},
		{"MD060: {style: aligned}", "|日本|b|\n|----|-|\n|c   |d|\n", ""},
	} {
		if got := strings.Join(lint(t, c.text, "default: false\n"+c.settings), " "); got != c.want {
			t.Errorf("%s on %q: got %s, want %s", c.settings, c.text, got, c.want)
		}
	}
}

func TestEveryRuleIsComplete(t *testing.T) {
	t.Parallel()
	if len(Rules) > 64 {
		t.Fatal("the rules of a line are the bits of a uint64")
	}
	if !slices.IsSortedFunc(Rules, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("not in the order of their ids")
	}
	for _, rule := range Rules {
		if len(rule.Names) == 0 || len(rule.Tags) == 0 || !strings.HasSuffix(rule.What, ".") || !strings.HasSuffix(rule.Do, ".") || rule.run == nil {
			t.Errorf("%s: %+v", rule.ID, rule)
		}
		for option, choices := range rule.choices {
			if !slices.Contains(choices, rule.defaults.text(option)) {
				t.Errorf("%s: %s is none of %s", rule.ID, option, choices)
			}
		}
	}
}
