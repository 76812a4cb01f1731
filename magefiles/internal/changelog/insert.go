package changelog

import (
	"fmt"
	"strings"
)

// insert puts a section into a changelog, as towncrier does: below the first marker, or at the top if there is none. The old text
// stays, except for blank lines around the marker and line ends, which all become \n. It warns of results that a user may not expect.
func (c *Config) insert(old, section string) (changed string, warnings []string) {
	text := universal(old)
	if text != old {
		warnings = append(warnings, c.Filename+" had line ends other than \\n; all are \\n now, as towncrier writes them")
	}
	top, rest := "", stripLeft(text)
	if before, after, found := strings.Cut(text, c.start); found {
		top, rest = stripRight(before)+"\n\n"+c.start+"\n", stripLeft(after)
	} else if rest != "" {
		mark, tail := byteOrder(rest)
		top, rest = mark, stripLeft(tail)
		warnings = append(warnings, fmt.Sprintf("%s has no line %q, so the section is at its top; write that line above the place of new sections",
			c.Filename, strings.TrimSuffix(c.start, "\n")))
	}
	if rest == "" {
		return top + stripRight(section) + "\n", warnings
	}
	return top + section + rest, warnings
}

// byteOrder splits off a byte order mark.
func byteOrder(text string) (mark, rest string) {
	if rest, ok := strings.CutPrefix(text, byteOrderMark); ok {
		return byteOrderMark, rest
	}
	return "", text
}

// holds reports whether a section has the bullet of a fragment. If only issues are shown, and issue_format makes no text of them, any
// bullet of that type counts.
func (c *Config) holds(s Section, f Fragment) bool {
	t := c.typeOf(f.Type)
	_, list, found := strings.Cut("\n"+s.Body+"\n", "\n"+strings.Repeat("#", c.title.level()+1)+" "+t.Name+"\n\n")
	if !found {
		return false
	}
	list, _, _ = strings.Cut(list, "\n#")
	issue := ""
	if f.Issue != "" {
		issue, _, _ = strings.Cut(c.reference(f.Issue), ": ")
	}
	text := "\n- " + shown(t, f)
	for rest := "\n" + list; ; {
		_, after, found := strings.Cut(rest, text)
		if !found {
			return false
		}
		if text == "\n- " && lists(strings.TrimSuffix(firstLine(after), "\n"), issue) || text != "\n- " && endsBullet(after, issue) {
			return true
		}
		rest = after
	}
}

// endsBullet reports whether only issues follow the text of a bullet, the given one among them.
func endsBullet(after, issue string) bool {
	if issue == "" {
		rest, ends := strings.CutPrefix(after, "\n")
		return ends && !goesOn(rest)
	}
	for _, open := range []string{" (", "\n\n  ("} {
		if issues, ok := strings.CutPrefix(after, open); ok {
			issues, closed := strings.CutSuffix(firstLine(issues), ")")
			return closed && lists(issues, issue)
		}
	}
	return false
}

// goesOn reports whether a bullet has more lines, which are indented.
func goesOn(rest string) bool {
	for line := range strings.Lines(rest) {
		if strip(line) != "" {
			return strings.HasPrefix(line, "  ")
		}
	}
	return false
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// lists reports whether issue is among issues.
func lists(issues, issue string) bool {
	return strings.Contains(", "+issues+", ", ", "+issue+", ")
}

func (c *Config) typeOf(key string) Type {
	for _, t := range c.Types {
		if t.Key == key {
			return t
		}
	}
	return Type{}
}
