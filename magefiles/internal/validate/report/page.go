package report

import (
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// Page is docs/reference/checks.md, which says what every check finds and what to do then. modified is the date of its frontmatter.
func Page(checks []validate.Check, modified string) string {
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
		fmt.Fprintf(&b, "\n## %s\n\n%s\n%s\n\n", check.Name, inline(check.Covers), since(check))
		b.WriteString("| Rule | Finding | Remedy |\n|---|---|---|\n")
		for _, rule := range check.Rules {
			fmt.Fprintf(&b, "| `%s/%s` | %s | %s |\n", check.Name, rule.ID, cell(rule.What), cell(rule.Do))
		}
	}
	return b.String()
}

// since says what -since does to a check.
func since(check validate.Check) string {
	if check.Narrow {
		return "`-since` narrows it to changed files."
	}
	return "It reads all files, even with `-since`: a finding in one file depends on others."
}

// cell is text for a table. A pipe ends a cell even inside of code.
func cell(s string) string { return strings.ReplaceAll(inline(s), "|", `\|`) }

// inline is plain text, with code in backticks, as Markdown: what would be markup or a link is not.
func inline(s string) string {
	parts := strings.Split(line(s), "`")
	for i := 0; i < len(parts); i += 2 { // the odd ones are code
		parts[i] = asText.Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

var asText = strings.NewReplacer("[", `\[`, "]", `\]`, "<", "&lt;", "*", `\*`)
