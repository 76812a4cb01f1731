package markdown

import (
	"github.com/mattn/go-runewidth"
)

// misfit is a place where a table breaks a style: a pipe with the number of spaces on one side, or "" if it is not aligned.
type misfit struct {
	line, index int
	side        string
	spaces      int
}

func (m misfit) message() string {
	if m.side == "" {
		return "table pipe is not aligned with the header"
	}
	return count(m.spaces, "space") + " to the " + m.side + " of the pipe, unlike other pipes of the table"
}

// tableColumnStyle checks a table against the allowed style with the fewest misfits.
func tableColumnStyle(p *pass) {
	style := p.options.text("style")
	allowed := func(s string) bool { return style == "any" || style == s }
	for _, b := range p.of[grid] {
		rows := p.rows(b)
		var best []misfit
		if allowed("aligned") {
			best = aligned(rows)
		}
		if !allowed("aligned") || len(best) > 0 {
			compact, tight := spaced(rows)
			if p.options.yes("aligned_delimiter") {
				first := aligned(rows[:2])
				compact, tight = append(first[:len(first):len(first)], compact...), append(first[:len(first):len(first)], tight...)
			}
			if allowed("compact") && (len(compact) < len(best) || !allowed("aligned")) {
				best = compact
			}
			if allowed("tight") && (len(tight) < len(best) || !allowed("aligned") && !allowed("compact")) {
				best = tight
			}
		}
		for _, m := range best {
			p.add(m.line, m.index, "%s", m.message())
		}
	}
}

// aligned compares the columns of pipes on the screen with those of the head.
func aligned(rows []row) (found []misfit) {
	head := columns(&rows[0])
	left := make(map[int]bool, len(head))
	for i := range rows[1:] {
		r := &rows[i+1]
		clear(left)
		for _, column := range head {
			left[column] = true
		}
		for k, column := range columns(r) {
			if len(left) > 0 && !left[column] {
				found = append(found, misfit{line: r.line, index: r.pipes[k]})
			}
			delete(left, column)
		}
	}
	return found
}

// columns are the pipes' columns on the screen, where some characters are two wide.
func columns(r *row) []int {
	found := make([]int, len(r.pipes))
	width, at := 0, 0
	for i, pipe := range r.pipes {
		width += screenWidth(r.text[at:pipe])
		found[i], at = width, pipe
	}
	return found
}

func screenWidth(text string) int {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return runewidth.StringWidth(text)
		}
	}
	return len(text)
}

// spaced checks the white space on both sides of pipes: one space in the style compact, none in tight.
func spaced(rows []row) (compact, tight []misfit) {
	for i := range rows {
		r := &rows[i]
		for _, pipe := range r.pipes {
			left, right := spacesBefore(r.text[r.start:pipe]), spacesAt(r.text, pipe+1)
			sides := []struct {
				n    int
				skip bool
				name string
			}{{left, pipe == r.start, "left"}, {right, pipe == r.end-1, "right"}}
			for _, side := range sides {
				if side.skip {
					continue
				}
				if side.n != 1 {
					compact = append(compact, misfit{r.line, pipe, side.name, side.n})
				}
				if side.n != 0 {
					tight = append(tight, misfit{r.line, pipe, side.name, side.n})
				}
			}
		}
	}
	return compact, tight
}

func spacesBefore(text string) int {
	n := 0
	for n < len(text) && (text[len(text)-1-n] == ' ' || text[len(text)-1-n] == '\t') {
		n++
	}
	return n
}
