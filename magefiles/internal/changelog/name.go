package changelog

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// parseName reads the name of a fragment. Its type is the last part between dots, from the second on, that is a type; the text before it
// is the issue, and a number right after it is the counter. The extension is ignored.
func parseName(name string, isType func(string) bool) (issue, kind, counter string, ok bool) {
	parts := strings.Split(name, ".")
	for i := len(parts) - 1; i > 0; i-- {
		if !isType(parts[i]) {
			continue
		}
		issue, counter = strip(strings.Join(parts[:i], ".")), "0"
		if isNumber(issue) {
			issue = withoutZeros(issue)
		}
		if i+1 < len(parts) && isNumber(parts[i+1]) {
			counter = withoutZeros(parts[i+1])
		}
		return issue, parts[i], counter, true
	}
	return "", "", "", false
}

// isNumber is true for ASCII digits alone: Python's functions differ about other digits.
func isNumber(s string) bool {
	return s != "" && strings.Trim(s, digits) == ""
}

const digits = "0123456789"

func withoutZeros(number string) string {
	if short := strings.TrimLeft(number, "0"); short != "" {
		return short
	}
	return "0"
}

// compareNumbers compares digits of any length, without leading zeros.
func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// issueKey orders issues: names without digits, then names with digits by the rest and the first number, then numbers.
type issueKey struct {
	class  int // 0, 1, 2 in that order
	rest   string
	number string
}

func keyOf(issue string) issueKey {
	if isNumber(issue) {
		return issueKey{class: 2, number: withoutZeros(issue)}
	}
	at := strings.IndexAny(issue, digits)
	if at < 0 {
		return issueKey{rest: issue}
	}
	after := strings.TrimLeft(issue[at:], digits)
	return issueKey{class: 1, rest: issue[:at] + after, number: withoutZeros(issue[at : len(issue)-len(after)])}
}

func compareIssues(a, b string) int {
	x, y := keyOf(a), keyOf(b)
	return cmp.Or(cmp.Compare(x.class, y.class), strings.Compare(x.rest, y.rest), compareNumbers(x.number, y.number))
}

// alwaysIgnored are patterns of files that are not fragments, in lower case.
var alwaysIgnored = []string{".gitignore", ".gitkeep", ".keep", "readme", "readme.md", "readme.rst"}

// ignored compiles patterns of file names, which are in lower case.
func ignored(patterns []string) []*regexp.Regexp {
	compiled := make([]*regexp.Regexp, 0, len(patterns)+len(alwaysIgnored))
	for _, p := range slices.Concat(alwaysIgnored, patterns) {
		compiled = append(compiled, glob(strings.ToLower(p)))
	}
	return compiled
}

// glob compiles a pattern of Python's fnmatch: * ? [a-z] [!a-z]. A [ that is not closed matches itself.
func glob(pattern string) *regexp.Regexp {
	text := ""
	for pattern != "" {
		c := pattern[0]
		set := closedSet(pattern)
		switch {
		case c == '*':
			text, pattern = text+".*", pattern[1:]
		case c == '?':
			text, pattern = text+".", pattern[1:]
		case set != "":
			text, pattern = text+setOf(set), pattern[len(set):]
		default:
			next := strings.IndexAny(pattern[1:], "*?[") + 1
			if next == 0 {
				next = len(pattern)
			}
			text, pattern = text+regexp.QuoteMeta(pattern[:next]), pattern[next:]
		}
	}
	compiled, err := regexp.Compile(`(?s)\A` + text + `\z`)
	if err != nil {
		return regexp.MustCompile(`[^\x00-\x{10FFFF}]`) // a reversed range matches nothing
	}
	return compiled
}

// closedSet is the set at the start of the pattern, with its brackets. A ] right at its start is a member.
func closedSet(pattern string) string {
	if pattern[0] != '[' {
		return ""
	}
	from := 1
	for _, member := range []string{"!", "]"} {
		if strings.HasPrefix(pattern[from:], member) {
			from++
		}
	}
	if end := strings.IndexByte(pattern[from:], ']'); end >= 0 {
		return pattern[:from+end+1]
	}
	return ""
}

func setOf(set string) string {
	members, negated := strings.CutPrefix(set[1:len(set)-1], "!")
	members = strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`, `~`, `\~`).Replace(members)
	if negated {
		return "[^" + members + "]"
	}
	return "[" + members + "]"
}
