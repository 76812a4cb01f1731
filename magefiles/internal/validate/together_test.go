package validate

import (
	"slices"
	"testing"
)

func TestTogether(t *testing.T) {
	t.Parallel()
	pin := func(line int, item, baseline string) Finding {
		return Finding{
			Path: "w.yaml", Line: line, Check: "workflows", Rule: "pin", Message: "a tag can be moved: " + item, Do: "Write " + item + ".",
			Group: "tags", Item: item, GroupDo: "Write all.", Baseline: baseline, Fix: &Fix{},
		}
	}
	alone := Finding{Path: "w.yaml", Line: 3, Check: "workflows", Rule: "yaml", Message: "not YAML"}
	for name, c := range map[string]struct {
		list []Finding
		want []string
		do   []string
	}{
		"one stays":                     {[]Finding{pin(4, "a", "")}, []string{`w.yaml:4: a tag can be moved: a [workflows/pin]`}, []string{"Write a."}},
		"items once, all lines":         {[]Finding{pin(9, "a", ""), pin(4, "a", ""), pin(5, "b", "")}, []string{`w.yaml:4: a tag can be moved: a, b (lines 4, 5, 9) [workflows/pin]`}, []string{"Write all."}},
		"without a group, each":         {[]Finding{alone, pin(4, "a", ""), pin(5, "a", "")}, []string{`w.yaml:3: not YAML [workflows/yaml]`, `w.yaml:4: a tag can be moved: a (lines 4, 5) [workflows/pin]`}, []string{"", "Write a."}},
		"a new one beside accepted":     {[]Finding{pin(4, "a", Unchanged), pin(5, "b", New)}, []string{`w.yaml:4: a tag can be moved: a [workflows/pin]`, `w.yaml:5: a tag can be moved: b [workflows/pin]`}, []string{"Write a.", "Write b."}},
		"the number of omitted ones":    {[]Finding{pin(4, "a", ""), {Path: "w.yaml", Line: 5, Check: "workflows", Rule: "pin", Message: "and 7 more", More: 7, Group: "tags"}}, []string{`w.yaml:4: a tag can be moved: a [workflows/pin]`, `w.yaml:5: and 7 more [workflows/pin]`}, []string{"Write a.", ""}},
		"messages that differ":          {[]Finding{{Path: "p.md", Line: 2, Check: "markdown", Rule: "MD056", Message: "1 cell", Group: "MD056"}, {Path: "p.md", Line: 8, Check: "markdown", Rule: "MD056", Message: "2 cells", Group: "MD056"}}, []string{"p.md:2: 1 cell; similar in line 8 [markdown/MD056]"}, []string{""}},
		"too few for a group":           {[]Finding{{Path: "a", Line: 1, Message: "m", Group: "g", GroupFrom: 3}, {Path: "a", Line: 2, Message: "m", Group: "g", GroupFrom: 3}}, []string{"a:1: m [/]", "a:2: m [/]"}, []string{"", ""}},
		"the same group of other files": {[]Finding{{Path: "a", Message: "m", Group: "g"}, {Path: "b", Message: "m", Group: "g"}}, []string{"a: m [/]", "b: m [/]"}, []string{"", ""}},
	} {
		var got, do []string
		for _, f := range Together(c.list) {
			got, do = append(got, f.String()), append(do, f.Do)
		}
		if !slices.Equal(got, c.want) || !slices.Equal(do, c.do) {
			t.Errorf("%s: got\n%q %q, want\n%q %q", name, got, do, c.want, c.do)
		}
	}
}

func TestTogetherIsShort(t *testing.T) {
	t.Parallel()
	var list []Finding
	for i := range 90 {
		list = append(list, Finding{Path: "p", Line: i + 1, Message: "m", Group: "g"})
	}
	if got := Together(list); len(got) != 1 || got[0].Message != "m (lines 1, 2, 3, 4, 5, 6, 7, 8 and 82 more)" {
		t.Error(got)
	}
}
