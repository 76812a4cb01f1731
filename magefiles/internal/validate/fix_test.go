package validate

import (
	"slices"
	"strings"
	"testing"
)

func TestEdited(t *testing.T) {
	t.Parallel()
	fix := func(edits ...Edit) *Fix { return &Fix{Edits: edits} }
	both := fix(Edit{0, 1, "A"}, Edit{4, 5, "E"})
	for name, c := range map[string]struct {
		fixes []*Fix
		want  string
		made  int
	}{
		"none":                {nil, "abcde", 0},
		"two places":          {[]*Fix{fix(Edit{4, 5, "E"}, Edit{0, 1, "A"})}, "AbcdE", 1},
		"the same fix twice":  {[]*Fix{both, both}, "AbcdE", 1},
		"the same edit twice": {[]*Fix{fix(Edit{2, 2, "-"}), fix(Edit{2, 2, "-"})}, "ab-cde", 2},
		"overlapping":         {[]*Fix{fix(Edit{0, 3, "x"}), fix(Edit{2, 4, "y"})}, "xde", 1},
		"at the same place":   {[]*Fix{fix(Edit{2, 2, "-"}), fix(Edit{2, 2, "+"})}, "ab-cde", 1},
		"next to each other":  {[]*Fix{fix(Edit{0, 1, ""}), fix(Edit{1, 2, ""})}, "bcde", 1},
		"all or nothing":      {[]*Fix{fix(Edit{0, 1, "x"}), fix(Edit{0, 1, "y"}, Edit{4, 5, "z"})}, "xbcde", 1},
		"out of range":        {[]*Fix{fix(Edit{4, 6, "x"}), fix(Edit{-1, 0, "x"}), fix(Edit{3, 2, "x"}), fix()}, "abcde", 0},
		"overlapping itself":  {[]*Fix{fix(Edit{0, 3, "x"}, Edit{2, 4, "y"})}, "abcde", 0},
		"at the end":          {[]*Fix{fix(Edit{5, 5, "f"})}, "abcdef", 1},
	} {
		if got, made := Edited("abcde", c.fixes); got != c.want || len(made) != c.made {
			t.Errorf("%s: got %q, %d fixes, want %q, %d", name, got, len(made), c.want, c.made)
		}
	}
}

// FuzzEdited: text outside of the edits stays, in order.
func FuzzEdited(f *testing.F) {
	f.Add("abcdef", []byte{0, 1, 4, 2, 3, 3})
	f.Add("", []byte{0, 0})
	f.Fuzz(func(t *testing.T, text string, places []byte) {
		var fixes []*Fix
		for pair := range slices.Chunk(places, 2) {
			fixes = append(fixes, &Fix{Edits: []Edit{{Start: int(pair[0]), End: int(pair[len(pair)-1]), New: "\x00"}}})
		}
		got, made := Edited(text, fixes)
		removed := 0
		for _, fix := range made {
			removed += fix.Edits[0].End - fix.Edits[0].Start
		}
		rest := got
		for part := range strings.SplitSeq(strings.ReplaceAll(got, "\x00", "\x01"), "\x01") {
			if !strings.Contains(text, part) && !strings.Contains(text, "\x00") && !strings.Contains(text, "\x01") {
				t.Errorf("%q is not in %q", part, text)
			}
		}
		if len(rest) > len(text)+len(made) || len(made) > len(fixes) || len(rest) < len(text)-removed {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
