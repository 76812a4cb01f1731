package kubernetes

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "[]",
		"a: 1\n---\nb: 2\n":                "[]",
		"a: &x {b: 1}\nc: *x\nd: {<<: *x}": "[]",
		"a:\n  - b\n c: d\n":               "[{3 0 yaml did not find expected key}]",
		"ä: {b: 1, b: 2}":                  `[{1 11 duplicate duplicate key "b", first in line 1}]`,
		"a: &x\n  b: *x":                   `[{2 6 yaml anchor "x" contains itself}]`,
		"\x01":                             "[{1 0 yaml control characters are not allowed}]",
		"\ta: 1":                           "[{1 0 yaml a tab indents this line}]",
		strings.Repeat("[", 501) + strings.Repeat("]", 501): "[{1 500 yaml has more than 500 levels}]",
		strings.Repeat("- ", 20000):                         "[{1 0 yaml exceeded max depth of 10000}]",
	} {
		if _, problems := Parse(text); fmt.Sprint(problems) != want {
			t.Errorf("%.40q: %v, want %s", text, problems, want)
		}
	}
}

// TestHostile checks that texts of the maximum size end without a panic.
func TestHostile(t *testing.T) {
	t.Parallel()
	var aliases strings.Builder
	aliases.WriteString("a0: &a0 {x: 1}\n")
	for i := 1; i < 400; i++ {
		fmt.Fprintf(&aliases, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	for _, text := range map[string]string{
		"aliases": aliases.String(),
		"open":    strings.Repeat("[", 1<<20),
		"keys":    strings.Repeat("a: b\n", 1<<16),
		"indent":  strings.Repeat("a:\n ", 1<<16),
		"merges":  "a: &a {b: 1}\nc:\n" + strings.Repeat("  <<: *a\n", 1<<14),
	} {
		documents, _ := Parse("apiVersion: v1\nkind: ConfigMap\nx:\n" + text)
		for _, o := range Objects(documents) {
			NewSchemas(nil).Validate(o, false)
		}
	}
}
