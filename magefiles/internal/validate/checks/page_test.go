package checks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

var modified = regexp.MustCompile(`(?m)^modified: (\d{4}-\d{2}-\d{2})$`)

// TestPage compares docs/reference/checks.md with the checks. -update writes the page, with a new date if its content changes.
func TestPage(t *testing.T) {
	t.Parallel()
	name := filepath.Join("..", "..", "..", "..", "docs", "reference", "checks.md")
	there, err := os.ReadFile(name)
	if err != nil && !(*update && errors.Is(err, fs.ErrNotExist)) {
		t.Fatal(err)
	}
	date := time.Now().UTC().Format(time.DateOnly)
	if found := modified.FindSubmatch(there); found != nil {
		if same := checksPage(All(), string(found[1])); same == string(there) {
			return
		}
	}
	if !*update {
		t.Fatalf("%s does not say what the checks do now; want go test ./magefiles/internal/validate/checks -run TestPage -update", name)
	}
	if err := os.WriteFile(name, []byte(checksPage(All(), date)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checksPage is docs/reference/checks.md, which lists what every check finds and how to correct it. modified is the date in its
// frontmatter.
func checksPage(checks []validate.Check, modified string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `---
title: Checks
tags: [reference, validate]
modified: %s
---

The checks of `+"`validate`"+`: the files that each check reads, its rules, and the remedy for each finding. [[validate-the-repository]] explains how to run them and how to allow a finding,
[[validate]] explains their design. This page is generated from the checks:

`+"```sh\ngo test ./magefiles/internal/validate/checks -run TestPage -update\n```\n", modified)
	for _, check := range checks {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n%s\n\n", check.Name, withLinks(check.Covers), since(check))
		b.WriteString("| Rule | Finding | Remedy |\n|---|---|---|\n")
		for _, rule := range check.Rules {
			fmt.Fprintf(&b, "| `%s/%s` | %s | %s |\n", check.Name, rule.ID, cell(rule.What), cell(rule.Do))
		}
	}
	return b.String()
}

var wikiLink = regexp.MustCompile(`\[\[[^\[\]]+\]\]`)

// withLinks is text whose wiki links are links of the page.
func withLinks(s string) string {
	var b strings.Builder
	for {
		at := wikiLink.FindStringIndex(s)
		if at == nil {
			return b.String() + inline(s)
		}
		b.WriteString(inline(s[:at[0]]) + s[at[0]:at[1]])
		s = s[at[1]:]
	}
}

// TestLinksOfPage: what a check covers may have wiki links, and the page shows them as links.
func TestLinksOfPage(t *testing.T) {
	t.Parallel()
	check := validate.Check{Name: "a", Covers: "Files [one], except [[other|those of *others*]], and [[more]].", Rules: []validate.Rule{{ID: "r", What: "x", Do: "Write [[page]]."}}}
	page := checksPage([]validate.Check{check}, "2026-11-30")
	for _, want := range []string{`Files \[one\], except [[other|those of *others*]], and [[more]].`, `| Write \[\[page\]\]. |`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

// since describes the effect of -since on a check.
func since(check validate.Check) string {
	if check.Narrow {
		return "`-since` narrows it to changed files."
	}
	return "It reads all files, even with `-since`: a finding in one file depends on others."
}

// cell is text for a table. A pipe ends a cell even inside code.
func cell(s string) string { return strings.ReplaceAll(inline(s), "|", `\|`) }

// inline escapes plain text, with code in backticks, as Markdown: it contains no markup and no links.
func inline(s string) string {
	parts := strings.Split(validate.Printable(s), "`")
	for i := 0; i < len(parts); i += 2 { // the parts with odd indices are code
		parts[i] = asText.Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

var asText = strings.NewReplacer("[", `\[`, "]", `\]`, "<", "&lt;", "*", `\*`)
