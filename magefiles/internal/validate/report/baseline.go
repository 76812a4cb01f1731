package report

import (
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// fixed is the number of findings of the baseline that no longer occur.
func fixed(r *validate.Report) (n int) {
	for _, f := range r.Fixed {
		n += f.Count
	}
	return n
}

// maxFixed is the number of fixed findings that Advice names.
const maxFixed = 10

// fixes are lines about the fixed findings.
func fixes(r *validate.Report) []string {
	if len(r.Fixed) == 0 {
		return nil
	}
	var lines []string
	for i, f := range r.Fixed {
		if i == maxFixed {
			lines = append(lines, fmt.Sprintf("and %d more", len(r.Fixed)-i))
			break
		}
		text := fmt.Sprintf("fixed: %s: %s [%s/%s]", line(f.Path), line(f.Message), line(f.Check), line(f.Rule))
		if f.Count > 1 {
			text += fmt.Sprintf(", %d of them", f.Count)
		}
		lines = append(lines, text)
	}
	return append(lines, "The baseline still has the fixed findings; `validate -baseline=write` removes them.")
}
