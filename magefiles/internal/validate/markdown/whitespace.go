package markdown

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

func noTrailingSpaces(p *pass) {
	want := p.options.number("br_spaces")
	if want < 2 {
		want = 0
	}
	allowed := make([]bool, len(p.lines)) // lines that may end with any number of spaces
	if !p.options.yes("code_blocks") {
		for i, in := range p.inCode {
			allowed[i] = in && !p.fences[i]
		}
	}
	if p.options.yes("list_item_empty_lines") {
		for _, b := range p.of[list] {
			if b.parent.in(list) == nil {
				set(allowed, b)
			}
		}
	}
	var breaks []bool
	if p.options.yes("strict") {
		breaks = p.breaks()
	}
	for i, line := range p.lines {
		if line == "" || allowed[i] || line[len(line)-1] > ' ' && line[len(line)-1] < utf8.RuneSelf {
			continue
		}
		text := strings.TrimRightFunc(line, isSpaceRune)
		if n := utf8.RuneCountInString(line[len(text):]); n > 0 && (n != want || breaks != nil && !breaks[i]) {
			keep := ""
			if n > want && want == 2 && strings.Trim(line[len(text):], " ") == "" && p.breaks()[i] {
				keep = "  " // the line break stays
			}
			p.add(i, len(text), "%s at the end of the line", count(n, "space")).fix(p.replace(i, len(text), len(line), keep))
		}
	}
}

func isSpaceRune(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }

// breaks are the lines where trailing spaces make a line break: all lines of a paragraph except its last, outside of code.
func (d *doc) breaks() []bool {
	lines := make([]bool, len(d.lines))
	for _, b := range d.of[paragraph] {
		for i := b.first; i < b.last; i++ {
			lines[i] = true
		}
	}
	for _, s := range d.spans {
		if s.form == code {
			for i := d.line(s.start); i < d.line(s.end); i++ {
				lines[i] = false
			}
		}
	}
	return lines
}

func noHardTabs(p *pass) {
	var skip []bool
	if languages := p.options.lower("ignore_code_languages"); len(languages) > 0 || !p.options.yes("code_blocks") {
		skip = p.untabbed(languages, p.options.yes("code_blocks"))
	}
	for i, line := range p.lines {
		for at := 0; ; {
			next := strings.IndexByte(line[at:], '\t')
			if next < 0 {
				break
			}
			at += next
			n := run(line, at)
			if !(skip != nil && skip[i]) && (p.options.yes("code_blocks") || p.markupAt(p.starts[i]+at)&markupCode == 0) {
				p.add(i, at, "%s", count(n, "tab"))
			}
			at += n
		}
	}
}

// untabbed are the lines of code in which tabs are allowed.
func (d *doc) untabbed(languages []string, include bool) []bool {
	skip := make([]bool, len(d.lines))
	for _, b := range d.of[fenced] {
		info := strings.ToLower(d.info(b))
		language, _, _ := strings.Cut(info, " ")
		if include && (len(languages) == 0 || !slices.Contains(languages, language)) {
			continue
		}
		for i := b.first + 1; i <= b.last && !(b.closed && i == b.last); i++ {
			skip[i] = true
		}
	}
	for _, b := range d.of[indented] {
		if !include {
			set(skip, b)
		}
	}
	return skip
}

func noMultipleBlanks(p *pass) {
	most, n := p.options.number("maximum"), 0
	for i, line := range p.lines {
		n++
		if p.inCode[i] || strings.TrimSpace(line) != "" {
			n = 0
		}
		if n > most {
			found := p.add(i, -1, "%s in a row, expected at most %d", count(n, "blank line"), most)
			if i+1 < len(p.lines) {
				found.fix(validate.Edit{Start: p.starts[i], End: p.starts[i+1]})
			} else if i > 0 { // the end of the file
				found.fix(validate.Edit{Start: p.starts[i] - len(p.end()), End: p.starts[i] + len(line)})
			}
		}
	}
}

func lineLength(p *pass) {
	limits := [...]int{p.options.number("line_length"), p.options.or("heading_line_length", "line_length"), p.options.or("code_block_line_length", "line_length")}
	strict, stern := p.options.yes("strict"), p.options.yes("stern")
	headings := make([]bool, len(p.lines))
	for _, b := range p.of[heading] {
		set(headings, b)
	}
	for i, line := range p.lines {
		limit := limits[0]
		switch {
		case p.inCode[i]:
			limit = limits[2]
		case headings[i]:
			limit = limits[1]
		}
		if limit == 0 || len(line) <= limit || headings[i] && !p.options.yes("headings") || p.inCode[i] && !p.options.yes("code_blocks") ||
			p.inGrid[i] && !p.options.yes("tables") {
			continue
		}
		length, counted := utf8.RuneCountInString(line), 0
		if strict || stern {
			counted = length
		} else {
			counted = utf8.RuneCountInString(strings.TrimRightFunc(line, func(r rune) bool { return !isSpaceRune(r) })) + 1
		}
		if counted <= limit || p.defines[i] || !strict && (stern && !wrappable(line) || p.isLinkOnly(i)) {
			continue
		}
		p.add(i, prefixOf(line, limit), "%d characters, expected at most %d", length, limit)
	}
}

// prefixOf is the length in bytes of the first n characters.
func prefixOf(line string, n int) int {
	for i := range line {
		if n == 0 {
			return i
		}
		n--
	}
	return len(line)
}

// wrappable says whether the line has a space at which it could be broken.
func wrappable(line string) bool {
	return strings.ContainsAny(strings.TrimLeft(line, "#> \t"), " \t")
}

// isLinkOnly says whether a line of a paragraph holds only links.
func (d *doc) isLinkOnly(line int) bool {
	if d.linkLines == nil {
		d.linkLines = make([]bool, len(d.lines))
		for _, s := range d.spans {
			if s.form == link || s.form == image || s.form == autolink {
				for i := d.line(s.start); i <= d.line(s.end-1); i++ {
					d.linkLines[i] = true
				}
			}
		}
		for _, t := range d.texts {
			if t.up < 0 && t.block.kind == paragraph {
				d.linkLines[d.line(t.start)] = false
			}
		}
	}
	return d.linkLines[line]
}

func singleTrailingNewline(p *pass) {
	last := len(p.lines) - 1
	if !p.blank(last) {
		p.add(last, prefixOf(p.raw[last], utf8.RuneCountInString(p.raw[last])-1), "no line end after the last line").
			fix(p.replace(last, len(p.raw[last]), len(p.raw[last]), p.end()))
	}
}

func noMultipleSpaceQuote(p *pass) {
	lists := p.options.yes("list_items")
	for _, q := range p.of[quote] {
		for i := q.first; i <= q.last; i++ {
			at, inside := p.content(q, i)
			if !inside || at == 0 || spacesAt(p.raw[i], at) == 0 {
				continue
			}
			if inner := p.directly(q, i); inner == nil || inner.kind == list && !lists {
				continue
			}
			p.add(i, at, "%s after >", count(spacesAt(p.raw[i], at)+1, "space"))
		}
	}
}

func spacesAt(line string, at int) int {
	return len(line[at:]) - len(strings.TrimLeft(line[at:], " \t"))
}

// directly is the block in a quote that contains a line, if the space before the line belongs to no block: q itself for a blank line.
func (d *doc) directly(q *block, line int) *block {
	leaf := d.leaves[line]
	if leaf == nil {
		return q
	}
	var first *block // the outermost item
	nested := false  // in another quote inside q
	for b := leaf; b != q; b = b.parent {
		if b == nil {
			return nil
		}
		nested = nested || b.kind == quote
		if b.kind == item {
			first = b
		}
	}
	switch {
	case first == nil && !nested && leaf.owns(line):
		return nil
	case first == nil:
		return leaf
	case first.first == line:
		return first.parent
	}
	return nil
}

// owns says whether the space at the beginning of a line is part of the block's content.
func (b *block) owns(line int) bool {
	switch b.kind {
	case indented, other:
		return true
	case fenced, html:
		return line > b.first && !(b.closed && line == b.last)
	}
	return false
}

func noBlanksQuote(p *pass) {
	for _, q := range p.of[quote] {
		siblings := q.parent.children
		if q.index+1 == len(siblings) || siblings[q.index+1].kind != quote {
			continue
		}
		for i := q.last + 1; i < siblings[q.index+1].first; i++ {
			p.add(i, -1, "blank line between quotes")
		}
	}
}
