package markdown

import (
	"regexp"
	"strings"
)

// row is a line of a table.
type row struct {
	line       int
	start, end int    // indices into the line, without the white space around it
	pipes      []int  // indices of the pipes that separate cells
	text       string // the line
}

func (r *row) leading() bool { return len(r.pipes) > 0 && r.pipes[0] == r.start }
func (r *row) trailing() bool {
	return len(r.pipes) > 0 && r.pipes[len(r.pipes)-1] == r.end-1 && (len(r.pipes) > 1 || r.start < r.end-1)
}

// cells is the number of cells.
func (r *row) cells() int {
	n := len(r.pipes) + 1
	if r.leading() {
		n--
	}
	if r.trailing() {
		n--
	}
	return n
}

// rows reads a table: the head, the line below it, and the others.
func (d *doc) rows(b *block) []row {
	if b.rows != nil {
		return b.rows
	}
	found := make([]row, 0, b.last-b.first+1)
	pipes := make([]int, 0, strings.Count(d.body[d.starts[b.first]:d.lineEnd(b.last)], "|"))
	for i := b.first; i <= b.last; i++ {
		at, _ := d.content(b.parent, i)
		text := d.raw[i]
		r := row{line: i, text: text, end: len(strings.TrimRight(text, " \t"))}
		r.start = min(len(text)-len(strings.TrimLeft(text[at:], " \t")), r.end)
		from := len(pipes)
		for k := r.start; k < r.end; k++ {
			if text[k] == '|' {
				pipes = append(pipes, k)
			} else if text[k] == '\\' {
				k++
			}
		}
		r.pipes = pipes[from:len(pipes):len(pipes)]
		found = append(found, r)
	}
	b.rows = found
	return found
}

func tablePipeStyle(p *pass) {
	want := p.options.text("style")
	for _, b := range p.of[grid] {
		for _, r := range p.rows(b) {
			if want == consistent {
				want = pipeStyle(&r)
			}
			leading, trailing := want == "leading_and_trailing" || want == "leading_only", want == "leading_and_trailing" || want == "trailing_only"
			if r.leading() != leading {
				p.add(r.line, r.start, "%s", pipeMessage("leading", leading))
			}
			if r.trailing() != trailing {
				p.add(r.line, r.end-1, "%s", pipeMessage("trailing", trailing))
			}
		}
	}
}

func pipeStyle(r *row) string {
	switch {
	case r.leading() && r.trailing():
		return "leading_and_trailing"
	case r.leading():
		return "leading_only"
	case r.trailing():
		return "trailing_only"
	}
	return "no_leading_or_trailing"
}

func pipeMessage(which string, wanted bool) string {
	if wanted {
		return "the " + which + " pipe of the row is missing"
	}
	return "the row has a " + which + " pipe"
}

func tableColumnCount(p *pass) {
	for _, b := range p.of[grid] {
		rows := p.rows(b)
		want := p.shownCells(&rows[0])
		for _, r := range rows[1:] {
			if p.onlyShown() && attributes.MatchString(r.text) {
				continue
			}
			switch got := p.shownCells(&r); {
			case got < want:
				p.add(r.line, r.end-1, "the row has %s, expected %d", count(got, "cell"), want)
			case got > want:
				p.add(r.line, r.cell(want), "the row has %s, expected %d", count(got, "cell"), want)
			}
		}
	}
}

// attributes is a line with attributes for the table above it, of kramdown: Jekyll does not show it.
var attributes = regexp.MustCompile(`^\s*\{:[^{}]*\}\s*$`)

// wikiLink is a link of Quartz and Obsidian. Quartz makes one cell of it, also with a pipe in it.
var wikiLink = regexp.MustCompile(`\[\[[^\[\]]+\]\]`)

// shownCells are the cells of a row that a reader sees, or those that markdownlint counts.
func (p *pass) shownCells(r *row) int {
	n := r.cells()
	if !p.onlyShown() {
		return n
	}
	for _, link := range wikiLink.FindAllStringIndex(r.text, -1) {
		for _, pipe := range r.pipes {
			if link[0] < pipe && pipe < link[1] {
				n--
			}
		}
	}
	return n
}

// cell is the index in the line of the pipe before cell n.
func (r *row) cell(n int) int {
	if !r.leading() {
		n--
	}
	return r.pipes[n]
}

func blanksAroundTables(p *pass) {
	for _, b := range p.of[grid] {
		if !p.blank(b.first - 1) {
			p.add(b.first, -1, "no blank line above the table")
		}
		if !p.blank(b.last + 1) {
			p.add(b.last, -1, "no blank line below the table")
		}
	}
}
