package changelog

import (
	"slices"
	"strings"
)

// noChanges is the text of a section without fragments.
const noChanges = "No significant changes.\n\n"

// Render makes the section of a version: heading, a list for each type that has fragments, and the two blank lines before the next
// section. Version and date are written as given.
func Render(c *Config, fragments []Fragment, version, date string) string {
	var text strings.Builder
	text.WriteString(c.heading(version, date) + "\n\n")
	prefix := strings.Repeat("#", c.title.level()+1) + " "
	for _, t := range c.Types {
		entries := c.entries(t, fragments)
		if len(entries) == 0 {
			continue
		}
		text.WriteString(prefix + t.Name + "\n\n")
		for _, e := range entries {
			text.WriteString(c.bullet(e))
		}
		text.WriteString("\n" + c.linkReferences(entries))
	}
	if len(fragments) == 0 {
		text.WriteString(noChanges)
	}
	text.WriteString("\n")
	return text.String()
}

func (c *Config) heading(version, date string) string {
	return c.title.render(map[string]string{"name": c.project, "version": version, "project_date": date})
}

// entry is a bullet: fragments of a type with the same text.
type entry struct {
	text   string // indented; "" if only the issues are shown
	issues []string
}

// entries are the entries of a type, in their order: by issues, then orphans by text.
func (c *Config) entries(t Type, fragments []Fragment) []*entry {
	var entries []*entry
	at := map[string]*entry{}
	for _, f := range fragments {
		if f.Type != t.Key {
			continue
		}
		text := shown(t, f)
		e := at[text]
		if e == nil {
			e = &entry{text: text}
			at[text], entries = e, append(entries, e)
		}
		if f.Issue != "" {
			e.issues = append(e.issues, f.Issue)
		}
	}
	for _, e := range entries {
		slices.Sort(e.issues)
		slices.SortStableFunc(e.issues, compareIssues)
	}
	slices.SortStableFunc(entries, compareEntries)
	return entries
}

// shown is the text of a fragment's bullet. The text of an orphan is always shown.
func shown(t Type, f Fragment) string {
	if !t.ShowContent && f.Issue != "" {
		return ""
	}
	return indented(f.Text)
}

func compareEntries(a, b *entry) int {
	switch {
	case len(a.issues) > 0 && len(b.issues) > 0:
		return slices.CompareFunc(a.issues, b.issues, compareIssues)
	case len(a.issues) > 0:
		return -1
	case len(b.issues) > 0:
		return 1
	}
	return strings.Compare(a.text, b.text)
}

// bullet is an entry with its issues. After a list they get a paragraph of their own.
func (c *Config) bullet(e *entry) string {
	issues := make([]string, len(e.issues))
	for i, issue := range e.issues {
		issues[i], _, _ = strings.Cut(c.reference(issue), ": ")
	}
	list := strings.Join(issues, ", ")
	switch {
	case e.text == "":
		return "- " + list + "\n"
	case strings.Join(issues, "") == "":
		return "- " + e.text + "\n"
	case strings.Contains(e.text, "\n  - ") || strings.Contains(e.text, "\n  * "):
		return "- " + e.text + "\n\n  (" + list + ")\n"
	default:
		return "- " + e.text + " (" + list + ")\n"
	}
}

// reference is an issue in the form of issue_format.
func (c *Config) reference(issue string) string {
	switch {
	case c.issue != nil:
		return c.issue.render(map[string]string{"issue": issue})
	case isInteger(issue):
		return "#" + issue
	default:
		return issue
	}
}

// isInteger reports whether Python's int would accept it.
func isInteger(s string) bool {
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	if len(s)-len(digits) > 1 {
		return false
	}
	for part := range strings.SplitSeq(digits, "_") {
		if !isNumber(part) {
			return false
		}
	}
	return true
}

// linkReferences defines the issues below a list, for an issue_format such as "[#{issue}]: https://...".
func (c *Config) linkReferences(entries []*entry) string {
	var issues []string
	for _, e := range entries {
		issues = append(issues, e.issues...)
	}
	slices.Sort(issues)
	slices.SortStableFunc(issues, compareIssues)
	issues = slices.Compact(issues)
	if len(issues) == 0 || !strings.Contains(c.reference(issues[0]), "]: ") {
		return ""
	}
	var text strings.Builder
	for _, issue := range issues {
		text.WriteString(c.reference(issue) + "\n")
	}
	return text.String() + "\n"
}
