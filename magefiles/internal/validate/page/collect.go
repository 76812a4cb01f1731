package page

import (
	"bytes"
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// LinkKind is the syntax of a link.
type LinkKind int

// Wiki links are [[page]], embeds ![[file]], Markdown links [text](page.md), images ![text](file.png).
const (
	LinkWiki LinkKind = iota
	LinkEmbed
	LinkMarkdown
	LinkImage
)

// Link is a link of a page.
type Link struct {
	Kind LinkKind
	// Target is the link's target up to the first #; Fragment is the text after it. In Markdown links, escapes and entities are resolved;
	// percent escapes stay as written.
	Target, Fragment string
	// HasFragment says that the target has a #.
	HasFragment bool
	// Text is the text that the reader sees.
	Text string
	// Spaced says that a wiki link has spaces at its brackets, at its # or after its pipe.
	Spaced bool
	// Offset, Line and Column are the position of its first bracket, or of the ! before it.
	Offset, Line, Column int
}

// collect fills in Links and Headings.
func (p *Page) collect() {
	seen := slugs{}
	p.hidden = p.comments()
	_ = ast.Walk(p.Doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the visitor never returns an error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *WikiLink:
			p.addWiki(n)
		case *ast.Link:
			p.addMarkdown(n, LinkMarkdown, n.Destination)
		case *ast.Image:
			p.addMarkdown(n, LinkImage, n.Destination)
		case *ast.Heading:
			p.addHeading(n, seen)
		case *ast.RawHTML:
			p.addElements(n.Segments.Value(p.Source))
		case *ast.HTMLBlock:
			p.addElements(n.Lines().Value(p.Source))
		}
		return ast.WalkContinue, nil
	})
	slices.SortFunc(p.Links, func(a, b Link) int { return cmp.Compare(a.Offset, b.Offset) }) // footnotes come last in the tree
}

func (p *Page) add(n ast.Node, l Link) {
	l.Offset = n.Pos()
	if p.hidden.contain(l.Offset) {
		return
	}
	l.Line, l.Column = p.Position(l.Offset)
	p.Links = append(p.Links, l)
}

func (p *Page) addWiki(n *WikiLink) {
	l := Link{Target: n.Link.Target, Fragment: n.Link.Fragment, HasFragment: n.Link.Fragment != "", Text: n.Link.shown(), Spaced: n.Link.Spaced}
	if n.Embed {
		l.Kind = LinkEmbed
	}
	p.add(n, l)
}

func (p *Page) addMarkdown(n ast.Node, kind LinkKind, destination []byte) {
	l := Link{Kind: kind, Text: p.text(n)}
	to := util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(destination)))
	l.Target, l.Fragment, l.HasFragment = strings.Cut(string(to), "#")
	p.add(n, l)
}

// ownID matches the explicit id of a heading in Docusaurus and other generators.
var ownID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\s*\{#([^\s{}]+)\}\s*$`) })

func (p *Page) addHeading(n *ast.Heading, seen slugs) {
	h := Heading{Text: strings.TrimSpace(p.text(n)), Level: n.Level}
	if n.Lines().Len() > 0 {
		h.Line, _ = p.Position(n.Lines().At(0).Start)
	} else {
		h.Line, _ = p.Position(max(0, n.Pos()))
	}
	if p.hidden.contain(p.Lines[max(0, h.Line-1)]) {
		h.Anchor, h.Hidden = Slug(h.Text), true
		p.Headings = append(p.Headings, h)
		return
	}
	if strings.HasSuffix(h.Text, "}") {
		if m := ownID().FindStringSubmatch(h.Text); m != nil {
			p.anchors[m[1]] = true
		}
	}
	h.Anchor = seen.next(h.Text)
	p.anchors[h.Anchor] = true
	p.Headings = append(p.Headings, h)
}

// text is the visible text of a node.
func (p *Page) text(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the visitor never returns an error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			value := n.Value(p.Source)
			if _, code := n.Parent().(*ast.CodeSpan); !code {
				value = util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(value)))
			}
			b.Write(bytes.ReplaceAll(value, []byte{pipe}, []byte{'|'}))
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(p.Source))
		case *WikiLink:
			b.WriteString(n.Link.shown())
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

var elementID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)<[a-z][^<>]*?\s(?:id|name)\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)'|([^\s"'<>=]+))`)
})

// addElements adds the anchors of HTML elements.
func (p *Page) addElements(html []byte) {
	for _, m := range elementID().FindAllSubmatch(html, -1) {
		p.anchors[string(m[1])+string(m[2])+string(m[3])] = true
	}
}

// HasAnchor says whether the page has the anchor that a fragment names, as written after #: the anchor or text of a heading, ignoring case,
// the id of an element, or a block (^id). The block's id must be in lower case, because Quartz makes all links to blocks lower case. Of
// Obsidian's heading#heading the last one counts.
func (p *Page) HasAnchor(fragment string) bool {
	if id, ok := IsBlock(fragment); ok {
		return p.blocks()[strings.ToLower(id)]
	}
	if p.anchors[fragment] {
		return true
	}
	last := fragment[strings.LastIndexByte(fragment, '#')+1:]
	return p.anchors[Slug(strings.TrimSpace(last))]
}

// HasID is HasAnchor for Markdown links, which must match the anchor exactly.
func (p *Page) HasID(fragment string) bool {
	return p.anchors[fragment] || strings.HasPrefix(fragment, "^") && p.HasAnchor(fragment)
}

// IsBlock says whether a fragment names a block (^id), and returns the id.
func IsBlock(fragment string) (id string, ok bool) { return strings.CutPrefix(fragment, "^") }

// BlockIDs are the ids of the page's blocks, sorted.
func (p *Page) BlockIDs() []string { return slices.Sorted(maps.Keys(p.blocks())) }

// IsWiki says whether the link has double brackets.
func (l Link) IsWiki() bool { return l.Kind == LinkWiki || l.Kind == LinkEmbed }
