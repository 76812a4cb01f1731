package markdown

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/yuin/goldmark/ast"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

var (
	ownAnchor    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{#([a-z\d]+(?:[-_][a-z\d]+)*)\}`) })
	lineFragment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:L\d+(?:C\d+)?-L\d+(?:C\d+)?|L\d+)$`) })
)

// anchors are the valid fragments of links to the page itself: GitHub's anchors of headings, and HTML anchors.
func (d *doc) anchors() map[string]bool {
	known, times := map[string]bool{"top": true}, map[string]int{}
	for _, b := range d.of[heading] {
		slug := slug(d.visible(b.node))
		if slug == "" {
			continue
		}
		known[slug] = true
		if n := times[slug]; n > 0 {
			known[fmt.Sprintf("%s-%d", slug, n)] = true
		}
		times[slug]++
		for _, m := range ownAnchor().FindAllStringSubmatch(d.inner(b), -1) {
			known[m[1]] = true
		}
	}
	for _, e := range d.htmlElements() {
		if id, ok := attribute(e.text, "id"); ok {
			known[id] = true
		} else if name, ok := attribute(e.text, "name"); ok && e.name == "a" {
			known[name] = true
		}
	}
	return known
}

// slug is the anchor that GitHub generates for a heading.
func slug(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', unicode.IsLetter(r), unicode.IsMark(r), unicode.IsNumber(r), unicode.Is(unicode.Pc, r):
			return r
		}
		return -1
	}, strings.ToLower(text))
}

var charEntity = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`&(?:#\d+|#[xX][\da-fA-F]+|[a-zA-Z]\w*);`) })

// visible is the text of a heading, without images, addresses and tags.
func (d *doc) visible(parent ast.Node) string {
	var out strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Image, *ast.RawHTML, *ast.AutoLink:
		case *ast.Text:
			out.WriteString(unescaped(d.body[n.Segment.Start:n.Segment.Stop], parent.Kind() == ast.KindCodeSpan))
		case *page.WikiLink:
			out.WriteString(n.Link.Target + n.Link.Fragment + n.Link.Text)
		default:
			out.WriteString(d.visible(n))
		}
	}
	return out.String()
}

func unescaped(text string, literal bool) string {
	if literal {
		return text
	}
	if strings.Contains(text, "&") {
		text = charEntity().ReplaceAllString(text, "")
	}
	return withoutEscapes(text)
}

func withoutEscapes(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && text[i+1] < 0x80 && !isAlnum(text[i+1]) && text[i+1] > ' ' {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

func linkFragments(p *pass) {
	var known, lower map[string]bool
	ready := func() {
		if known == nil {
			known, lower = p.anchors(), map[string]bool{}
			for anchor := range known {
				lower[strings.ToLower(anchor)] = true
			}
		}
	}
	check := func(to string, report func(string)) {
		fragment, is := strings.CutPrefix(to, "#")
		if !is || fragment == "" || strings.HasPrefix(fragment, "tab/") {
			return
		}
		ready()
		if plain, err := url.PathUnescape(fragment); err == nil && known[plain] {
			return
		}
		pattern := p.options.text("ignored_pattern")
		switch {
		case known[fragment], lineFragment().MatchString(fragment):
		case pattern != "" && compiled(pattern) != nil && compiled(pattern).MatchString(fragment):
		case lower[strings.ToLower(fragment)]:
			if !p.options.yes("ignore_case") {
				report(fmt.Sprintf("the case of #%s differs from the heading", fragment))
			}
		default:
			report(fmt.Sprintf("no heading for #%s", fragment))
		}
	}
	for i := range p.spans {
		s := &p.spans[i]
		if s.form != link || s.reference() != nil {
			continue
		}
		check(withoutEscapes(s.target()), func(message string) {
			if line := p.line(s.start); line == p.line(s.end-1) {
				p.addAt(s.start, "%s", message)
			} else {
				p.add(line, -1, "%s", message)
			}
		})
	}
	for _, b := range p.of[definition] {
		check(withoutEscapes(string(b.node.(*ast.LinkReferenceDefinition).Destination)), func(message string) {
			p.add(b.first, p.column(b), "%s", message)
		})
	}
}
