package markdown

import (
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// element is an opening tag of HTML.
type element struct {
	offset int
	name   string // in lower case
	shown  string
	text   string // the tag
	block  *block
	cell   bool // in a table of Markdown
	html   bool // in a cell of a table of HTML
}

// tagName is the name after the < of a tag; "" for comments and other markup without a tag.
func tagName(tag string) (name string, closing bool) {
	if len(tag) < 2 || tag[1] == '!' || tag[1] == '>' {
		return "", false
	}
	name = tag[2:]
	end := strings.IndexAny(name, "/> \t\r\n")
	if tag[1] == '/' {
		if end < 0 {
			end = len(name)
		}
		return name[:end], true
	}
	if end >= 0 {
		name = name[:end]
	}
	return tag[1:2] + name, false
}

// inlineParser reads a block of HTML as if it were text, to find the tags in it.
var inlineParser = sync.OnceValue(func() parser.Parser {
	blocks := slices.DeleteFunc(parser.DefaultBlockParsers(), func(v util.PrioritizedValue) bool {
		return v.Priority == 500 || v.Priority == 900 // indented code, HTML
	})
	return parser.NewParser(parser.WithBlockParsers(blocks...), parser.WithInlineParsers(parser.DefaultInlineParsers()...))
})

// htmlElements are the opening tags of the page, in its order.
func (d *doc) htmlElements() []element {
	if d.read {
		return d.elements
	}
	d.read = true
	for _, b := range d.all {
		if b.kind == html && !d.isComment(b) {
			d.addHTML(b)
			continue
		}
		for _, s := range d.spans[b.spans[0]:b.spans[1]] {
			if s.form == tag {
				d.addElement(s.start, d.body[s.start:s.end], b, s.cell != nil)
			}
		}
	}
	return d.elements
}

func (d *doc) addElement(offset int, text string, b *block, cell bool) {
	if name, closing := tagName(text); name != "" && !closing {
		d.elements = append(d.elements, element{offset: offset, name: strings.ToLower(name), shown: name, text: text, block: b, cell: cell})
	}
}

// addHTML reads whole lines.
func (d *doc) addHTML(b *block) {
	from := d.starts[b.first]
	source := []byte(d.body[from:d.lineEnd(b.last)])
	inCell := false
	_ = ast.Walk(inlineParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.RawHTML:
			if entering && n.Segments.Len() > 0 {
				start := n.Segments.At(0).Start
				shown := string(source[start:n.Segments.At(n.Segments.Len()-1).Stop])
				switch name, closing := tagName(shown); strings.ToLower(name) {
				case "td", "th":
					inCell = !closing
				case "tr", "table":
					inCell = false
				}
				before := len(d.elements)
				d.addElement(from+start, shown, b, false)
				for i := range d.elements[before:] {
					d.elements[before+i].html = inCell
				}
			}
		case *ast.Emphasis:
			if entering && n.Parent().Kind() == ast.KindParagraph && n.Parent().Parent().Kind() == ast.KindDocument {
				d.loud = append(d.loud, loud{n, source, from})
			}
		}
		return ast.WalkContinue, nil
	})
}

func noInlineHTML(p *pass) {
	allowed, inTables := p.options.lower("allowed_elements"), p.options.lower("table_allowed_elements")
	if len(inTables) == 0 {
		inTables = allowed
	}
	for _, e := range p.htmlElements() {
		if e.cell && slices.Contains(inTables, e.name) || !e.cell && slices.Contains(allowed, e.name) {
			continue
		}
		p.addAt(e.offset, "HTML element %s", e.shown)
	}
}

// attribute is the value of an attribute of a tag.
func attribute(tag, name string) (value string, ok bool) {
	lower := strings.ToLower(tag)
	for at := 0; ; {
		next := strings.Index(lower[at:], name)
		if next <= 0 && at == 0 || next < 0 {
			return "", false
		}
		at += next
		before := lower[at-1]
		at += len(name)
		rest, is := strings.CutPrefix(strings.TrimLeft(tag[min(at, len(tag)):], " \t\r\n"), "=")
		if !is || strings.IndexByte(" \t\r\n", before) < 0 {
			continue
		}
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			rest = rest[1:]
		}
		if end := strings.IndexAny(rest, "'\" \t\r\n>"); end >= 0 {
			rest = rest[:end]
		}
		return rest, true
	}
}
