package validate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// A Finding is a mistake in the repository.
type Finding struct {
	// Path is the file's path from the repository's root, with slashes; "" for a finding outside of files, which About names.
	Path string `json:"path,omitempty"`
	// About is the subject of a finding outside of files: a host, an Application.
	About string `json:"about,omitempty"`
	// Line and Column count from 1, Column in characters (Unicode code points). Line 0 means the whole file, Column 0 the whole line.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message names the mistake: one line, no full stop, no advice.
	Message string `json:"message"`
	// More is set in the finding that reports omitted ones: their number, for the same rule and file. It is 0 in all other findings.
	More int `json:"more,omitempty"`
	// Warning says that the finding does not fail: the settings of a linter make it a warning.
	Warning bool `json:"warning,omitempty"`
	// Check is the name of the check, which Run fills in, and Rule the id of one of its rules.
	Check string `json:"check"`
	Rule  string `json:"rule"`
	// Do is the correction: an action, one line. The default is the rule's.
	Do string `json:"do"`
	// Group is not empty if a reader reads the finding together with the others of its rule and file that have the same Group: Together makes
	// them one. The Message ends with Item, the only part in which it differs from theirs, if there is one. GroupDo is the correction of all of them
	// if each has another. Fewer than GroupFrom stay alone.
	Group     string `json:"-"`
	Item      string `json:"-"`
	GroupDo   string `json:"-"`
	GroupFrom int    `json:"-"`
	// Stem is the message without line numbers, of a finding for several; "" if the message has none.
	Stem string `json:"-"`
	// Baseline is New or Unchanged, compared with the baseline; "" without one.
	Baseline string `json:"baseline,omitempty"`
	// Fix is the correction that -fix makes; nil if a person must make it.
	Fix *Fix `json:"-"`
}

// same says that two findings are equal but for their fixes.
func same(a, b Finding) bool {
	a.Fix, b.Fix = nil, nil
	return a == b
}

// The states of a finding that is compared with a baseline. The words are those of SARIF.
const (
	New       = "new"
	Unchanged = "unchanged"
)

// String is path:line:column: message [check/rule], with the word warning before the message of one.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(Printable(cmp.Or(f.Path, f.About)))
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
		if f.Column > 0 {
			fmt.Fprintf(&b, ":%d", f.Column)
		}
	}
	if f.Warning {
		b.WriteString(": warning")
	}
	fmt.Fprintf(&b, ": %s [%s/%s]", Printable(f.Message), f.Check, f.Rule)
	return b.String()
}

// Printable replaces the characters in text that break lines, change its direction or control a terminal.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if plain.Hidden(r) {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// Sort sorts by place.
func Sort(list []Finding) {
	slices.SortFunc(list, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.About, b.About), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Check, b.Check), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.More, b.More), cmp.Compare(a.Message, b.Message),
		)
	})
}

// sortFindings sorts by place and removes duplicates.
func sortFindings(list []Finding) []Finding {
	Sort(list)
	return slices.CompactFunc(list, same)
}

// Position is the line and column of the byte at offset in text, as in a Finding. Lines end with \n; an offset beyond the text means its
// end.
func Position(text string, offset int) (line, column int) {
	offset = max(0, min(offset, len(text)))
	before := text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, len([]rune(before[start:])) + 1
}
