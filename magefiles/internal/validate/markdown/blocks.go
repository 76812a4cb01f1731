package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	table "github.com/yuin/goldmark/extension/ast"
)

// kind is the kind of a block.
type kind uint8

const (
	document kind = iota
	heading
	paragraph
	quote
	list
	item
	fenced
	indented
	html
	thematic
	grid // a table
	definition
	other
)

// block is a part of the page with its lines, which goldmark's tree does not give.
type block struct {
	kind     kind
	node     ast.Node
	parent   *block
	children []*block
	index    int // among the children of parent
	// first and last are indices of lines: the line where it begins, and the last line with visible content.
	first, last int
	// pos is the offset of its first character: a heading's #, an item's marker, the first | of a table.
	pos    int
	closed bool // a fence with a closing line
	depth  int
	rows   []row // of a table; read on first use
	// spans and texts are the half-open ranges of the page's spans and texts that it contains.
	spans, texts [2]int
}

// maxDepth is the number of quotes and items around a line beyond which its prefix is not read. Pages that people write have at most five,
// and each level costs time on each line.
const maxDepth = 40

// blocks lists all blocks in the order of the page.
func (d *doc) build(root ast.Node) {
	d.root = &block{kind: document, node: root, last: len(d.lines) - 1}
	d.add(d.root)
}

func (d *doc) add(parent *block) {
	for n := parent.node.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Type() != ast.TypeBlock {
			continue
		}
		b := d.newBlock()
		b.kind, b.node, b.parent, b.depth = kindOf(n), n, parent, parent.depth
		if b.kind == quote || b.kind == item {
			b.depth++
		}
		if !d.place(b) {
			continue // the block stays unused until it is given back
		}
		b.index = len(parent.children)
		parent.children = append(parent.children, b)
		d.all = append(d.all, b)
		d.of[b.kind] = append(d.of[b.kind], b)
		if b.kind != grid {
			d.add(b)
		}
		for up := parent; up != nil && up.kind != document && up.last < b.last; up = up.parent {
			up.last = b.last
		}
	}
}

func kindOf(n ast.Node) kind {
	switch n := n.(type) {
	case *ast.Heading:
		return heading
	case *ast.Paragraph, *ast.TextBlock:
		return paragraph
	case *ast.Blockquote:
		return quote
	case *ast.List:
		return list
	case *ast.ListItem:
		return item
	case *ast.FencedCodeBlock:
		return fenced
	case *ast.CodeBlock:
		return indented
	case *ast.HTMLBlock:
		return html
	case *ast.ThematicBreak:
		return thematic
	case *table.Table:
		return grid
	case *ast.LinkReferenceDefinition:
		return definition
	default:
		_ = n
		return other
	}
}

// place finds the lines of a block; false if it has no place in the text.
func (d *doc) place(b *block) bool {
	lines := b.node.Lines()
	switch {
	case b.kind == grid:
		b.pos = b.node.FirstChild().Pos()
	case b.node.Pos() >= 0 && b.kind != paragraph && b.kind != definition:
		b.pos = b.node.Pos()
	case lines != nil && lines.Len() > 0:
		b.pos = lines.At(0).Start
	default:
		return false
	}
	if b.pos < d.starts[0] || b.pos > len(d.body) {
		return false // frontmatter that is not YAML
	}
	b.first = d.line(b.pos)
	b.last = b.first
	if lines != nil && lines.Len() > 0 {
		end := lines.At(lines.Len() - 1)
		b.last = max(b.first, d.line(max(end.Start, end.Stop-1)))
	}
	switch b.kind {
	case heading:
		b.pos = d.pastSpace(b.pos)
		if !isATX(d.body[b.pos:]) {
			b.last = min(b.last+1, len(d.lines)-1)
		}
	case fenced:
		if d.closesFence(b) {
			b.last, b.closed = b.last+1, true
		}
	case html:
		if n := b.node.(*ast.HTMLBlock); n.HasClosure() {
			b.last = d.line(n.ClosureLine.Start)
		}
	case grid:
		b.last = min(b.first+b.node.ChildCount(), len(d.lines)-1) // the head, the line below it, and the rows
	case list, item:
		b.pos = d.marker(b)
	}
	return true
}

// pastSpace is the index of the next byte in the line that is not white space.
func (d *doc) pastSpace(offset int) int {
	for offset < len(d.body) && (d.body[offset] == ' ' || d.body[offset] == '\t') {
		offset++
	}
	return offset
}

// marker is the offset of an item's marker. With tabs before the marker, goldmark's offset is too far to the right.
func (d *doc) marker(b *block) int {
	start := d.starts[b.first]
	if strings.Contains(d.body[start:b.pos], "\t") {
		if at, inside := d.content(b.parent, b.first); inside {
			return d.pastSpace(start + at)
		}
	}
	return d.pastSpace(b.pos)
}

// isATX says whether text begins with a heading's # signs.
func isATX(text string) bool {
	n := 0
	for n < len(text) && text[n] == '#' {
		n++
	}
	return n > 0 && n <= 6 && (n == len(text) || strings.IndexByte(" \t\r\n", text[n]) >= 0)
}

// closesFence says whether the line after a fence's content closes it.
func (d *doc) closesFence(b *block) bool {
	line := b.last + 1
	if line >= len(d.lines) {
		return false
	}
	at, inside := d.content(b.parent, line)
	if !inside {
		return false
	}
	rest := strings.Trim(d.raw[line][at:], " \t")
	sign := d.body[b.pos]
	open := 0
	for b.pos+open < len(d.body) && d.body[b.pos+open] == sign {
		open++
	}
	return len(rest) >= open && strings.Trim(rest, string(sign)) == ""
}

// content is the index in a line of the text after the signs of the quotes and the indents of the items around b, and of b itself if it is
// one of these. inside is false if the line is missing one of them.
func (d *doc) content(b *block, line int) (index int, inside bool) {
	if b.depth > maxDepth {
		return 0, false
	}
	var chain [maxDepth + 1]*block
	n := 0
	for ; b != nil; b = b.parent {
		if b.kind == quote || b.kind == item {
			chain[n] = b
			n++
		}
	}
	text := d.raw[line]
	c := cursor{text: text}
	base := 0
	for n--; n >= 0; n-- {
		if outer := chain[n]; outer.kind == quote {
			if !c.sign() {
				return c.i, false
			}
			base = c.column
		} else {
			base += outer.node.(*ast.ListItem).Offset
			if !c.indent(base, line == outer.first) {
				return c.i, c.i == len(text)
			}
		}
	}
	return c.i, true
}

// cursor moves through a line and counts columns; a tab ends at the next multiple of 4.
type cursor struct {
	text      string
	i, column int
}

func (c *cursor) step() {
	if c.text[c.i] == '\t' {
		c.column += 4 - c.column%4
	} else {
		c.column++
	}
	c.i++
}

func (c *cursor) space() bool {
	return c.i < len(c.text) && (c.text[c.i] == ' ' || c.text[c.i] == '\t')
}

// sign moves past the > of a quote, and the space after it.
func (c *cursor) sign() bool {
	for c.space() {
		c.step()
	}
	if c.i == len(c.text) || c.text[c.i] != '>' {
		return false
	}
	c.step()
	if c.space() {
		c.step()
	}
	return true
}

// indent moves to a column. It moves past white space only, unless anything is true.
func (c *cursor) indent(column int, anything bool) bool {
	for c.column < column {
		if c.i == len(c.text) || !anything && !c.space() {
			return false
		}
		c.step()
	}
	return true
}

// in is the innermost block around b, or b itself, that is of one of the kinds.
func (b *block) in(kinds ...kind) *block {
	for ; b != nil; b = b.parent {
		for _, k := range kinds {
			if b.kind == k {
				return b
			}
		}
	}
	return nil
}

// level is the level of a heading.
func (b *block) level() int { return b.node.(*ast.Heading).Level }

// ordered says whether a list is numbered.
func (b *block) ordered() bool { return b.node.(*ast.List).IsOrdered() }
