package validate

import (
	"cmp"
	"slices"
	"strings"
)

// A Fix is a correction that needs no decision. All of its edits are made, or none.
type Fix struct {
	// Edits do not overlap.
	Edits []Edit
}

// An Edit replaces the bytes from Start to End of a file's text, as Tree.Text returns it.
type Edit struct {
	Start, End int
	New        string
}

// Edited is text after fixes, and the fixes that were made. A fix that overlaps with an earlier one is left out: a later run makes it. Two
// fixes that insert the same text at the same place insert it once.
func Edited(text string, fixes []*Fix) (string, []*Fix) {
	var edits []Edit // that are made, by place
	var made []*Fix
	seen := map[*Fix]bool{}
	for _, fix := range fixes {
		if seen[fix] || !valid(text, fix.Edits) {
			continue
		}
		seen[fix] = true
		fresh := slices.DeleteFunc(slices.Clone(fix.Edits), func(e Edit) bool { return slices.Contains(edits, e) })
		if slices.ContainsFunc(fresh, func(e Edit) bool { return slices.ContainsFunc(edits, e.overlaps) }) {
			continue
		}
		edits = append(edits, fresh...)
		made = append(made, fix)
	}
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	var out strings.Builder
	at := 0
	for _, e := range edits {
		out.WriteString(text[at:e.Start])
		out.WriteString(e.New)
		at = e.End
	}
	out.WriteString(text[at:])
	return out.String(), made
}

// overlaps also holds for two edits that begin or end at the same place: their order would decide.
func (e Edit) overlaps(other Edit) bool { return e.Start <= other.End && other.Start <= e.End }

func valid(text string, edits []Edit) bool {
	for i, e := range edits {
		if e.Start < 0 || e.End < e.Start || e.End > len(text) {
			return false
		}
		for _, other := range edits[:i] {
			if e.Start < other.End && other.Start < e.End {
				return false
			}
		}
	}
	return len(edits) > 0
}
