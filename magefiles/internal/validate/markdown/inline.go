package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	table "github.com/yuin/goldmark/extension/ast"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// form is the kind of a span.
type form uint8

const (
	plain form = iota
	code
	tag // of HTML
	autolink
	link
	image
	emphasis
	strong
	wiki
	formula
)

// span is a part of a line, or of several, with its offsets in the page. goldmark's tree gives only its beginning.
type span struct {
	form       form
	node       ast.Node
	block      *block
	up         int // index of the enclosing span, or -1
	start, end int
	// Of links and images: the offsets of the text between their first brackets.
	labelStart, labelEnd int
	cell                 ast.Node // the cell of a table that contains it
}

// inlines finds the spans of a block. Those of a table are in its cells.
func (d *doc) inlines(b *block) {
	b.spans[0], b.texts[0] = len(d.spans), len(d.texts)
	defer func() { b.spans[1], b.texts[1] = len(d.spans), len(d.texts) }()
	switch b.kind {
	case heading, paragraph:
		d.spansOf(b.node, b, -1, nil)
	case grid:
		for row := b.node.FirstChild(); row != nil; row = row.NextSibling() {
			for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
				d.spansOf(cell, b, -1, cell)
			}
		}
	}
}

// spansOf returns the beginning of the first child and the end of the last one; -1 if no child has a place in the text.
func (d *doc) spansOf(parent ast.Node, b *block, up int, cell ast.Node) (start, end int) {
	start, end = -1, -1
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		from, to := d.spanOf(n, b, up, cell)
		if from < 0 {
			continue
		}
		if start < 0 {
			start = from
		}
		end = max(end, to)
	}
	return start, end
}

// spanOf finds the offsets of one span, and of those in it.
func (d *doc) spanOf(n ast.Node, b *block, up int, cell ast.Node) (start, end int) {
	if text, ok := n.(*ast.Text); ok {
		d.addText(text, b, up, cell)
		return text.Segment.Start, text.Segment.Stop
	}
	me := len(d.spans)
	d.spans = append(d.spans, span{form: formOf(n), node: n, block: b, up: up, cell: cell})
	start, end = d.extent(n, b, me, cell)
	if start < d.starts[0] || end > len(d.body) || end < start {
		d.spans[me].form, start, end = plain, -1, -1
	}
	d.spans[me].start, d.spans[me].end = start, end
	return start, end
}

func formOf(n ast.Node) form {
	switch n := n.(type) {
	case *ast.CodeSpan:
		return code
	case *ast.RawHTML:
		return tag
	case *ast.AutoLink:
		return autolink
	case *ast.Link:
		return link
	case *ast.Image:
		return image
	case *ast.Emphasis:
		if n.Level == 2 {
			return strong
		}
		return emphasis
	case *page.WikiLink:
		return wiki
	case *page.Math:
		return formula
	}
	return plain
}

// extent is the beginning and the end of a node.
func (d *doc) extent(n ast.Node, b *block, me int, cell ast.Node) (start, end int) {
	inner, innerEnd := -1, -1
	if n.Kind() != ast.KindCodeSpan { // code has no text nodes
		inner, innerEnd = d.spansOf(n, b, me, cell)
	}
	pos := n.Pos()
	switch n := n.(type) {
	case *ast.CodeSpan:
		if pos < 0 {
			return -1, -1
		}
		return pos, d.codeEnd(pos)
	case *ast.RawHTML:
		if n.Segments.Len() == 0 {
			return -1, -1
		}
		return n.Segments.At(0).Start, n.Segments.At(n.Segments.Len() - 1).Stop
	case *ast.Emphasis:
		return inner - n.Level, innerEnd + n.Level
	case *ast.Link:
		return d.linkExtent(me, pos, 1, innerEnd, n.Reference)
	case *ast.Image:
		return d.linkExtent(me, pos, 2, innerEnd, n.Reference)
	case *ast.AutoLink:
		return pos, d.after(pos, '>')
	case *page.WikiLink:
		return pos, d.after(d.after(pos, ']'), ']')
	case *page.Math:
		return pos, d.mathEnd(pos)
	case *table.FootnoteLink:
		return pos, d.after(pos, ']')
	case *table.TaskCheckBox:
		return pos, d.after(pos, ']')
	case *table.Strikethrough:
		return inner - 1, innerEnd + 1
	}
	return inner, innerEnd
}

// after is the offset after the next sign c.
func (d *doc) after(offset int, c byte) int {
	if offset < 0 || offset > len(d.body) {
		return -1
	}
	n := strings.IndexByte(d.body[offset:], c)
	if n < 0 {
		return -1
	}
	return offset + n + 1
}

// codeEnd is the end of the code that begins with the backticks at start: the next run of the same length.
func (d *doc) codeEnd(start int) int {
	n := run(d.body, start)
	for i := start + n; i < len(d.body); {
		next := strings.IndexByte(d.body[i:], '`')
		if next < 0 {
			return -1
		}
		i += next
		m := run(d.body, i)
		i += m
		if m == n {
			return i
		}
	}
	return -1
}

func (d *doc) mathEnd(start int) int {
	if start < 0 {
		return -1
	}
	mark := strings.Repeat("$", run(d.body, start))
	for i := start + len(mark); i < len(d.body); i++ {
		switch {
		case d.body[i] == '\\':
			i++
		case strings.HasPrefix(d.body[i:], mark):
			return i + len(mark)
		}
	}
	return -1
}

// run is the number of times that the sign at i is repeated.
func run(text string, i int) int {
	n := 0
	for i+n < len(text) && text[i+n] == text[i] {
		n++
	}
	return n
}

// linkExtent finds the end of a link. The label ends after its content; the rest depends on the form of the link.
func (d *doc) linkExtent(me, pos, open, inner int, ref *ast.ReferenceLink) (start, end int) {
	if pos < 0 {
		return -1, -1
	}
	at := max(pos+open, inner)
	for at < len(d.body) && d.body[at] != ']' {
		at++ // white space, or a node without an offset
	}
	if at >= len(d.body) {
		return -1, -1
	}
	d.spans[me].labelStart, d.spans[me].labelEnd = pos+open, at
	switch {
	case ref == nil:
		return pos, d.resourceEnd(at + 1)
	case ref.Type == ast.ReferenceLinkFull:
		return pos, d.bracketEnd(at + 1)
	case ref.Type == ast.ReferenceLinkCollapsed:
		return pos, d.after(at+1, ']')
	}
	return pos, at + 1
}

// resourceEnd is the offset after the ) that closes the ( at i.
func (d *doc) resourceEnd(i int) int {
	if i >= len(d.body) || d.body[i] != '(' {
		return -1
	}
	i = d.pastAnySpace(i + 1)
	if i < len(d.body) && d.body[i] == '<' {
		i = d.until(i+1, '>') + 1
	} else {
		i = d.destinationEnd(i)
	}
	i = d.pastAnySpace(i)
	if i < len(d.body) {
		switch d.body[i] {
		case '"', '\'':
			i = d.until(i+1, d.body[i]) + 1
		case '(':
			i = d.until(i+1, ')') + 1
		}
	}
	if i = d.pastAnySpace(i); i >= len(d.body) || d.body[i] != ')' {
		return -1
	}
	return i + 1
}

// destinationEnd is the end of an address without <: at white space, or at a ) that closes no ( of the address.
func (d *doc) destinationEnd(i int) int {
	for depth := 0; i < len(d.body); i++ {
		switch c := d.body[i]; {
		case c == '\\':
			i++
		case c <= ' ':
			return i
		case c == '(':
			depth++
		case c == ')':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return i
}

func (d *doc) bracketEnd(i int) int {
	if i >= len(d.body) || d.body[i] != '[' {
		return -1
	}
	return d.until(i+1, ']') + 1
}

// until is the index of the next sign c that is not escaped with a backslash.
func (d *doc) until(i int, c byte) int {
	for ; i < len(d.body) && d.body[i] != c; i++ {
		if d.body[i] == '\\' {
			i++
		}
	}
	return min(i, len(d.body))
}

// pastAnySpace moves past white space and line ends, and past the signs of a quote at the beginning of a line.
func (d *doc) pastAnySpace(i int) int {
	newline := false
	for ; i < len(d.body); i++ {
		switch c := d.body[i]; {
		case c == '\n':
			newline = true
		case c == ' ' || c == '\t' || c == '\r' || c == '>' && newline:
		default:
			return i
		}
	}
	return i
}

// stretch is text without markup, on one line.
type stretch struct {
	start, end int
	up         int // index of the enclosing span, or -1
	block      *block
	cell       ast.Node // of a table
}

// addText joins adjacent stretches that goldmark splits.
func (d *doc) addText(n *ast.Text, b *block, up int, cell ast.Node) {
	if n.Segment.Start < d.starts[0] || n.Segment.Stop > len(d.body) {
		return
	}
	if k := len(d.texts) - 1; k >= 0 {
		if last := &d.texts[k]; last.end == n.Segment.Start && last.up == up && last.block == b && last.cell == cell {
			last.end = n.Segment.Stop
			return
		}
	}
	d.texts = append(d.texts, stretch{n.Segment.Start, n.Segment.Stop, up, b, cell})
}
