package markdown

import (
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// loud is emphasis that is the whole of a paragraph, in a block of HTML.
type loud struct {
	node   *ast.Emphasis
	source []byte
	from   int
}

func noEmphasisAsHeading(p *pass) {
	signs := p.options.text("punctuation")
	for _, b := range p.of[paragraph] {
		if b.parent.kind != document || b.parent.in(other) != nil {
			continue
		}
		if n, ok := only(b.node, p.page.Source); ok && endsPlain(n, p.page.Source, signs) {
			p.add(p.line(n.FirstChild().(*ast.Text).Segment.Start), -1, "emphasis instead of a heading")
		}
	}
	p.htmlElements()
	for _, l := range p.loud {
		if n, ok := only(l.node.Parent(), l.source); ok && n == l.node && endsPlain(n, l.source, signs) {
			p.add(p.line(l.from+n.FirstChild().(*ast.Text).Segment.Start), -1, "emphasis instead of a heading")
		}
	}
}

// only is a paragraph's emphasis, if the paragraph holds only that, tags and white space.
func only(parent ast.Node, source []byte) (found *ast.Emphasis, ok bool) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.RawHTML:
		case *ast.Emphasis:
			if found != nil {
				return nil, false
			}
			found = n
		case *ast.Text:
			if strings.TrimSpace(string(n.Segment.Value(source))) != "" || n.SoftLineBreak() {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return found, found != nil
}

// endsPlain says whether emphasis holds text on one line that does not end with one of the signs.
func endsPlain(n *ast.Emphasis, source []byte, signs string) bool {
	var text strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		t, ok := c.(*ast.Text)
		if !ok || t.SoftLineBreak() || t.HardLineBreak() {
			return false
		}
		text.Write(t.Segment.Value(source))
	}
	last, _ := utf8.DecodeLastRuneInString(text.String())
	return text.Len() > 0 && !strings.ContainsRune(signs, last) && !strings.ContainsAny(text.String(), `\&`) && !strings.Contains(text.String(), "://")
}

// bare is a sign of emphasis without effect.
type bare struct {
	start, end int
}

// noSpaceInEmphasis checks pairs of signs without effect. If a space follows the first one or precedes the second one, the author meant
// emphasis.
func noSpaceInEmphasis(p *pass) {
	type place struct {
		block *block
		up    int
		cell  ast.Node
		text  string
	}
	first := map[place]bare{}
	for _, t := range p.texts {
		for i := t.start; i < t.end; i++ {
			c := p.body[i]
			if c == '\\' {
				i++
			}
			if c != '*' && c != '_' {
				continue
			}
			n := min(run(p.body, i), t.end-i)
			if sign := (place{t.block, t.up, t.cell, p.body[i : i+n]}); n <= 3 {
				if opening, ok := first[sign]; ok {
					delete(first, sign)
					p.emphasisSpaces(opening, bare{i, i + n}, sign.text)
				} else {
					first[sign] = bare{i, i + n}
				}
			}
			i += n - 1
		}
	}
}

func (p *pass) emphasisSpaces(opening, closing bare, sign string) {
	if p.onlyShown() && (p.wordAt(opening.start-1) || p.wordAt(closing.end)) {
		return // such as eth* or en*: they are no pair
	}
	line := p.line(opening.start)
	rest := p.body[opening.end:p.lineEnd(line)]
	if n := len(rest) - len(strings.TrimLeft(rest, " \t")); n > 0 && n < len(rest) {
		p.addAt(opening.end, "%s after %s", count(n, "space"), sign)
	}
	line = p.line(closing.start)
	rest = p.body[p.starts[line]:closing.start]
	if n := len(rest) - len(strings.TrimRight(rest, " \t")); n > 0 && n < len(rest) {
		p.addAt(closing.start-n, "%s before %s", count(n, "space"), sign)
	}
}

func emphasisStyle(p *pass) { p.emphasisStyle(emphasis, 1) }
func strongStyle(p *pass)   { p.emphasisStyle(strong, 2) }

func (p *pass) emphasisStyle(which form, n int) {
	want := p.options.text("style")
	for _, s := range p.spans {
		if s.form != which {
			continue
		}
		is := "underscore"
		if p.body[s.start] == '*' {
			is = "asterisk"
		}
		if want == consistent {
			want = is
		}
		if is == want || want == "underscore" && (p.wordAt(s.start-1) || p.wordAt(s.end)) {
			continue
		}
		p.addAt(s.start, "%s is %s, not %s", [...]string{"", "emphasis", "strong"}[n], is, want)
		p.addAt(s.end-n, "%s is %s, not %s", [...]string{"", "emphasis", "strong"}[n], is, want)
	}
}

func (d *doc) wordAt(i int) bool {
	return i >= 0 && i < len(d.body) && isWord(d.body[i])
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
