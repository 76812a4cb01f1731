package workflow

import (
	"strings"
	"testing"
)

func TestReferences(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"github.ref":                                 "github.ref",
		"GitHub.Event.Issue.Title":                   "github.event.issue.title",
		"github['event']['issue'].title":             "github.event.issue.title",
		"github.event.commits.*.message":             "github.event.commits.*.message",
		"github.event.commits[0].message":            "github.event.commits.*.message",
		"inputs.a || inputs.b":                       "inputs.a inputs.b",
		"inputs.a && inputs.b || 'c'":                "inputs.b",
		"inputs.a == 'b'":                            "",
		"!inputs.a":                                  "",
		"contains(inputs.a, 'b')":                    "",
		"format('{0}{1}', inputs.a, join(inputs.b))": "inputs.a inputs.b",
		"fromJSON(inputs.a).b[0]":                    "inputs.a",
		"'inputs.a'":                                 "",
		"inputs.":                                    "",
		"":                                           "",
	} {
		var got []string
		for _, p := range references(body) {
			got = append(got, strings.Join(p, "."))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", body, got, want)
		}
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	var got []string
	for _, e := range expressions("a ${{ b }} ${{'}}'}}c${{d") {
		got = append(got, e.body)
	}
	if want := "b|'}}'|d"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzReferences(f *testing.F) {
	f.Add("github.event.issue.title || inputs['x']")
	f.Add("format('{0}', fromJSON(a.b).*.c[d.e])")
	f.Fuzz(func(t *testing.T, body string) {
		for _, e := range expressions("${{" + body + "}}") {
			if tooLarge(e.body) {
				return
			}
			for _, p := range references(e.body) {
				(&file{}).untrusted(p)
				variable(p)
				e.spelled(p)
			}
		}
	})
}
