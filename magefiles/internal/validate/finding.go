package validate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// A Finding is something in the repository that should be otherwise.
type Finding struct {
	// Path is the file's, with slashes, from the repository's root. "" for what is in no file; About names it then.
	Path string `json:"path,omitempty"`
	// About is what the finding is about, if that is no file: a host, an Application.
	About string `json:"about,omitempty"`
	// Line and Column count from 1, Column in characters (Unicode code points). 0: the file as a whole, the line as a whole.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Message says what is wrong, and names it: one line, no full stop, no advice.
	Message string `json:"message"`
	// More is how many findings of the same rule and file were left out, of which this one tells; 0 of any other.
	More int `json:"more,omitempty"`
	// Check is the name of the check, which Run fills in, and Rule the id of one of its rules.
	Check string `json:"check"`
	Rule  string `json:"rule"`
	// Do is what to do about it: an action, one line. By default that of the rule.
	Do string `json:"do"`
}

// String is path:line:column: message [check/rule].
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(Printable(cmp.Or(f.Path, f.About)))
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
		if f.Column > 0 {
			fmt.Fprintf(&b, ":%d", f.Column)
		}
	}
	fmt.Fprintf(&b, ": %s [%s/%s]", Printable(f.Message), f.Check, f.Rule)
	return b.String()
}

// Printable leaves text on its line, in its order, and without what a terminal obeys.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if plain.Hidden(r) {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// sortFindings orders by place, and leaves each finding only once.
func sortFindings(list []Finding) []Finding {
	slices.SortFunc(list, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.About, b.About), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Check, b.Check), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.More, b.More), cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(list)
}

// Position is where the byte at offset stands in text: line and column as a Finding has them. Lines end with \n; an offset beyond the
// text is its end.
func Position(text string, offset int) (line, column int) {
	offset = max(0, min(offset, len(text)))
	before := text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, len([]rune(before[start:])) + 1
}
