package gql

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql/introspection"
)

// bomb has fragments that each spread the next one twice.
func bomb(levels int) string {
	text := "{directory{...f0}}\n"
	for i := range levels {
		text += fmt.Sprintf("fragment f%d on Directory{a:directory(path:\"a\"){...f%d} b:directory(path:\"b\"){...f%d}}\n", i, i+1, i+1)
	}
	return text + fmt.Sprintf("fragment f%d on Directory{name}", levels)
}

// A query that would cost more than any query of an SDK is refused before it costs anything: no resolver runs.
func TestCostlyQueriesAreRefused(t *testing.T) {
	t.Parallel()
	many := func(unit string) string { return strings.Repeat(unit, 300_000) }
	for name, c := range map[string]struct{ query, says string }{
		"one field repeated":        {"{" + many("version ") + "}", "300000 fields in one selection (at most 1000)"},
		"aliases":                   {"{" + strings.Repeat("a:version b:version ", 501) + "}", "1002 fields in one selection"},
		"depth":                     {"{directory{" + strings.Repeat(`directory(path:"a"){`, 3000) + "name" + strings.Repeat("}", 3002), "levels of nested fields (at most 2000)"},
		"depth of nothing":          {"{" + strings.Repeat("...{", 3000) + "version" + strings.Repeat("}", 3001), "levels of nested fields (at most 2000)"},
		"fragments in fragments":    {bomb(40), "fields (at most 10000)"},
		"deep fragments":            {deepFragments(), "levels of nested fields (at most 2000)"},
		"many fragments":            {"{version}" + strings.Repeat("fragment f on Query{version}", 300), "300 fragments (at most 200)"},
		"many operations":           {strings.Repeat("query a{version}", 300), "300 operations (at most 200)"},
		"arguments":                 {`{directory{directory(` + strings.Repeat(`path:"a" `, 300) + `){name}}}`, "300 arguments of one field (at most 100)"},
		"directives":                {"{version" + strings.Repeat(" @skip(if:false)", 300) + "}", "300 arguments of one field"},
		"variables":                 {"query(" + strings.Repeat("$a:String ", 300) + "){version}", "300 variables (at most 200)"},
		"wide and deep":             {"{" + strings.Repeat("directory{"+strings.Repeat("name ", 900)+"} ", 20) + "}", "fields (at most 10000)"},
		"tokens":                    {`{directory{directory(path:"a"){name(a:[` + many("1 ") + many("1 ") + `])}}}`, "token"},
		"fragments in a fragment's": {"{...a}" + "fragment a on Query{" + many("version ") + "}", "300000 fields in one selection"},
	} {
		runs := 0
		s := server(&runs)
		data, errs, rejected := s.Do(context.Background(), Request{Query: c.query})
		if data != nil || !rejected || len(errs) != 1 || !strings.Contains(errs[0].Message, c.says) || runs > 0 {
			t.Errorf("%s: rejected %v, %d resolvers ran, %d errors, %.300v", name, rejected, runs, len(errs), errs)
		}
	}
}

// deepFragments nest only a few fields each, but many in total.
func deepFragments() string {
	text := "{directory{...f0}}\n"
	for i := range 150 {
		text += fmt.Sprintf("fragment f%d on Directory{%s...f%d%s}\n", i, strings.Repeat(`directory(path:"a"){`, 20), i+1, strings.Repeat("}", 20))
	}
	return text + "fragment f150 on Directory{name}"
}

// The validation refuses a fragment that contains itself.
func TestFragmentWithinItself(t *testing.T) {
	t.Parallel()
	_, errs, rejected := server(new(int)).Do(context.Background(), Request{Query: "{directory{...a}} fragment a on Directory{directory(path:\"a\"){...a}}"})
	if !rejected || len(errs) == 0 || !strings.Contains(errs[0].Message, "within itself") {
		t.Errorf("%v", errs)
	}
}

// Queries of SDKs pass: long chains, long lists and texts, and the introspection of GraphQL's tools.
func TestQueriesOfSDKsPass(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"a long chain":  "{directory{" + strings.Repeat(`directory(path:"a"){`, 1500) + "name" + strings.Repeat("}", 1502),
		"a long text":   `{directory{directory(path:"` + strings.Repeat("a b ", 1<<20) + `"){name}}}`,
		"many leaves":   "{directory{" + strings.Repeat("name ", 900) + "}}",
		"introspection": introspection.Query,
	} {
		if data, errs, rejected := server(new(int)).Do(context.Background(), Request{Query: query}); len(errs) > 0 || rejected || data == nil {
			t.Errorf("%s: %.300v", name, errs)
		}
	}
}
