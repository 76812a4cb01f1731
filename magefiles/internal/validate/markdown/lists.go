package markdown

import (
	"strconv"
	"strings"
)

// markerStyle is the name in the settings of a list's sign.
func markerStyle(sign byte) string {
	switch sign {
	case '-':
		return "dash"
	case '+':
		return "plus"
	}
	return "asterisk"
}

// column is the column in its first line at which a block begins.
func (d *doc) column(b *block) int { return b.pos - d.starts[b.first] }

// nesting is the number of lists around a list.
func nesting(b *block) int {
	n := 0
	for up := b.parent.in(list); up != nil; up = up.parent.in(list) {
		n++
	}
	return n
}

func ulStyle(p *pass) {
	style := p.options.text("style")
	want := style
	byLevel := map[int]string{}
	for _, l := range p.of[list] {
		if l.ordered() {
			continue
		}
		level := 0
		if style == "sublist" {
			level = nesting(l)
		}
		for _, b := range l.children {
			is := markerStyle(p.body[b.pos])
			switch {
			case style == "sublist" && byLevel[level] == "":
				byLevel[level] = is
				if is == byLevel[level-1] {
					byLevel[level] = map[string]string{"dash": "plus", "plus": "asterisk", "asterisk": "dash"}[is]
				}
				want = byLevel[level]
			case style == "sublist":
				want = byLevel[level]
			case want == consistent:
				want = is
			}
			if is != want {
				p.add(b.first, p.column(b), "list marker is %s, not %s", is, want)
			}
		}
	}
}

func listIndent(p *pass) {
	for _, l := range p.of[list] {
		if l.ordered() {
			p.orderedIndent(l)
			continue
		}
		for _, b := range l.children {
			if got, want := p.column(b), p.column(l); got != want {
				p.add(b.first, 0, "item is indented by %d, the first one of its list by %d", got, want)
			}
		}
	}
}

// orderedIndent allows numbers that are aligned at their last digits instead.
func (p *pass) orderedIndent(l *block) {
	end, aligned := 0, false
	for _, b := range l.children {
		got := p.column(b)
		itsEnd := got + digits(p.body[b.pos:]) + 1
		if end == 0 {
			end = itsEnd
		}
		if got == p.column(l) && !aligned {
			continue
		}
		switch {
		case end == itsEnd:
			aligned = true
		case aligned:
			p.add(b.first, 0, "number ends at %d, the first one of its list at %d", itsEnd, end)
		default:
			p.add(b.first, 0, "item is indented by %d, the first one of its list by %d", got, p.column(l))
		}
	}
}

func digits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

func ulIndent(p *pass) {
	indent, start := p.options.number("indent"), 0
	if p.options.yes("start_indented") {
		start = p.options.or("start_indent", "indent")
	}
	for _, l := range p.of[list] {
		level := unorderedLevel(l)
		if l.ordered() || level < 0 || p.onlyShown() && !p.splitsList(l) {
			continue
		}
		want := start + level*indent
		for _, b := range l.children {
			got := p.column(b)
			if q := l.in(quote); q != nil {
				after, _ := p.content(q, b.first)
				got -= after
			}
			switch {
			case p.onlyShown():
				p.nest(l, b)
			case got != want:
				p.add(b.first, 0, "item is indented by %d, expected %d", got, want).fix(p.moved(b, want-got)...)
			}
		}
	}
}

// unorderedLevel is the number of bulleted lists around a list, or -1 if one of them is numbered.
func unorderedLevel(l *block) int {
	level := 0
	for up := l.parent.in(quote, list); up != nil && up.kind == list; up = up.parent.in(quote, list) {
		if up.ordered() {
			return -1
		}
		level++
	}
	return level
}

func olPrefix(p *pass) {
	for _, l := range p.of[list] {
		switch {
		case !l.ordered() || len(l.children) == 0:
		case p.onlyShown():
			p.shownNumbers(l)
		default:
			p.numbers(l)
		}
	}
}

// number is the number of an item of an ordered list.
func (d *doc) number(item *block) int {
	n, _ := strconv.Atoi(d.body[item.pos : item.pos+digits(d.body[item.pos:])]) // at most nine digits
	return n
}

func (p *pass) numbers(l *block) {
	value := func(i int) int { return p.number(l.children[i]) }
	want, style := 1, p.options.text("style")
	ordered := len(l.children) > 1 && (value(1) != 1 || value(0) == 0)
	if ordered && value(0) == 0 {
		want = 0
	}
	switch style {
	case "one":
		want, ordered = 1, false
	case "zero":
		want, ordered = 0, false
	case "ordered":
		ordered = true
	}
	for i, b := range l.children {
		if got := value(i); got != want {
			p.add(b.first, p.column(b), "item is numbered %d, expected %d", got, want)
		}
		if ordered {
			want++
		}
	}
}

func listMarkerSpace(p *pass) {
	for _, l := range p.of[list] {
		names := [...]string{"ul_multi", "ul_single"}
		if l.ordered() {
			names = [...]string{"ol_multi", "ol_single"}
		}
		want := p.options.number(names[0])
		if l.last-l.first+1 == len(l.children) {
			want = p.options.number(names[1])
		}
		for _, b := range l.children {
			after := p.column(b) + 1
			if l.ordered() {
				after += digits(p.body[b.pos:])
			}
			if got := spaces(p.raw[b.first], after); got > 0 && got != want {
				p.add(b.first, p.column(b), "%s after the marker of an item, expected %d", count(got, "space"), want)
			}
		}
	}
}

// spaces is the number of white space characters between an item's marker and its text: one before indented code, none in an empty item.
func spaces(line string, after int) int {
	if after > len(line) || strings.TrimLeft(line[after:], " \t") == "" {
		return 0
	}
	c := cursor{text: line}
	for c.i < after {
		c.step()
	}
	from := c.column
	for c.space() {
		c.step()
	}
	if c.column-from > 4 {
		return 1
	}
	return c.i - after
}

func blanksAroundLists(p *pass) {
	for _, l := range p.of[list] {
		if l.parent.in(list) != nil {
			continue
		}
		if !p.blank(l.first - 1) {
			p.add(l.first, -1, "no blank line above the list").fix(p.blankLine(l, l.first, 1)...)
		}
		if !p.blank(l.last + 1) {
			p.add(l.last, -1, "no blank line below the list").fix(p.blankLine(l, l.last+1, 1)...)
		}
	}
}
