package page

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"sort"
	"sync"

	"github.com/yuin/goldmark/ast"
)

// span is a part of Source, from start up to stop.
type span struct{ start, stop int }

// spans are in order and do not overlap.
type spans []span

// contain says whether an offset is in one of the spans.
func (s spans) contain(offset int) bool {
	_, ok := s.at(offset)
	return ok
}

func (s spans) at(offset int) (span, bool) {
	i := sort.Search(len(s), func(i int) bool { return s[i].stop > offset })
	if i == len(s) || s[i].start > offset {
		return span{}, false
	}
	return s[i], true
}

var percents = []byte("%%")

// comments are Obsidian comments, %%…%%, on one line or several. Obsidian and Quartz remove them first. A comment does not begin in code or
// math.
func (p *Page) comments() (found spans) {
	if bytes.Count(p.Source[p.Body:], percents) < 2 {
		return nil
	}
	raw := p.raw()
	for at := p.Body; ; {
		start := bytes.Index(p.Source[at:], percents)
		if start < 0 {
			return found
		}
		start += at
		if r, ok := raw.at(start); ok {
			at = r.stop
			continue
		}
		end := bytes.Index(p.Source[start+2:], percents)
		if end < 0 {
			return found
		}
		at = start + 2 + end + 2
		found = append(found, span{start, at})
	}
}

// raw is the text that is not Markdown: code and math.
func (p *Page) raw() (found spans) {
	add := func(start, stop int) {
		if start < stop {
			found = append(found, span{start, stop})
		}
	}
	_ = ast.Walk(p.Doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the visitor never returns an error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.FencedCodeBlock, *ast.CodeBlock, *MathBlock:
			for i := range n.Lines().Len() {
				add(n.Lines().At(i).Start, n.Lines().At(i).Stop)
			}
		case *ast.Text:
			if _, code := n.Parent().(*ast.CodeSpan); code {
				add(n.Segment.Start, n.Segment.Stop)
			}
		case *Math:
			add(n.Pos(), n.stop)
		}
		return ast.WalkContinue, nil
	})
	slices.SortFunc(found, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	return found
}

// blockID matches the id at the end of a block, as Quartz does; Obsidian accepts fewer characters.
var blockID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\^([-_A-Za-z0-9]+)[ \t]*$`) })

// blockIDs are the ids at the end of paragraphs and list items. An id in a paragraph of its own belongs to the block above.
func (p *Page) blockIDs() map[string]bool {
	found := map[string]bool{}
	_ = ast.Walk(p.Doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the visitor never returns an error
		if !entering || n.Kind() != ast.KindParagraph && n.Kind() != ast.KindTextBlock {
			return ast.WalkContinue, nil
		}
		last, ok := n.LastChild().(*ast.Text)
		if !ok || p.hidden.contain(last.Segment.Start) {
			return ast.WalkContinue, nil
		}
		if m := blockID().FindSubmatch(n.Lines().Value(p.Source)); m != nil {
			found[string(m[1])] = true
		}
		return ast.WalkContinue, nil
	})
	return found
}
