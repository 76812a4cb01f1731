package validate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Together reports the findings of one group in one file as one, at the place of the first: its message names their items and their lines. The
// findings of a baseline stay as they are, so that a further one of a group is new.
func Together(list []Finding) []Finding {
	type key struct{ path, about, check, rule, group string }
	groups := map[key][]Finding{}
	var kept []Finding
	for _, f := range list {
		k := key{f.Path, f.About, f.Check, f.Rule, f.Group}
		if f.Group == "" || f.More > 0 || f.Baseline == Unchanged {
			kept = append(kept, f)
			continue
		}
		groups[k] = append(groups[k], f)
	}
	for _, group := range groups {
		if len(group) < group[0].GroupFrom {
			kept = append(kept, group...)
			continue
		}
		kept = append(kept, joined(group))
	}
	Sort(kept)
	return kept
}

// The maximum number of items and of lines that a message names.
const (
	maxItems = 12
	maxLines = 8
)

// joined is one finding for several.
func joined(group []Finding) Finding {
	Sort(group)
	one := group[0]
	if len(group) == 1 {
		return one
	}
	one.Fix = nil
	var items, lines []string
	similar := false
	for _, f := range group {
		if f.Item != "" && !slices.Contains(items, f.Item) {
			items = append(items, f.Item)
		}
		if line := fmt.Sprint(f.Line); f.Line > 0 && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
		similar = similar || f.Item == "" && f.Message != one.Message
		if f.Do != one.Do {
			one.Do = cmp.Or(one.GroupDo, one.Do)
		}
	}
	if len(items) > 0 {
		one.Message = strings.TrimSuffix(one.Message, one.Item) + listed(items, maxItems)
	}
	one.Stem = one.Message
	switch {
	case similar && len(lines) > 1:
		one.Message += "; similar in line" + plural(lines[1:]) + " " + listed(lines[1:], maxLines)
	case len(lines) > 1:
		one.Message += " (lines " + listed(lines, maxLines) + ")"
	case len(items) == 0:
		one.Message += fmt.Sprintf(" (%d times)", len(group))
	}
	return one
}

// listed are texts with commas between them, and the number of those beyond the limit.
func listed(list []string, limit int) string {
	if over := len(list) - limit; over > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:limit], ", "), over)
	}
	return strings.Join(list, ", ")
}

func plural(list []string) string {
	if len(list) == 1 {
		return ""
	}
	return "s"
}
