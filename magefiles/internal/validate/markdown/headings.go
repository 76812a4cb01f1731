package markdown

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
)

// inner is a heading's text as written, without its signs and without tags; several lines are joined by spaces.
func (d *doc) inner(b *block) string {
	lines := b.node.Lines()
	var out strings.Builder
	for i := range lines.Len() {
		if i > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(strings.TrimSpace(d.withoutTags(b, lines.At(i).Start, lines.At(i).Stop)))
	}
	return strings.TrimSpace(out.String())
}

func (d *doc) withoutTags(b *block, start, end int) string {
	var out strings.Builder
	for _, s := range d.spans[b.spans[0]:b.spans[1]] {
		if s.form == tag && s.start >= start && s.end <= end {
			out.WriteString(d.body[start:s.start])
			start = s.end
		}
	}
	out.WriteString(d.body[start:end])
	return out.String()
}

// written is a heading's first line from its sign on, without trailing white space.
func (d *doc) written(b *block) string {
	return strings.TrimRight(d.raw[b.first][b.pos-d.starts[b.first]:], " \t")
}

// The styles of headings.
const (
	atx       = "atx"
	atxClosed = "atx_closed"
	setext    = "setext"
)

// style is a heading's style. For a closed heading it also returns the index in written of the closing signs.
func (d *doc) style(b *block) (style string, closing int) {
	text := d.written(b)
	if !isATX(text) {
		return setext, 0
	}
	open := run(text, 0)
	content := strings.TrimRight(text[open:], "#")
	if n := len(content); n < len(text)-open && n > 0 && (content[n-1] == ' ' || content[n-1] == '\t') {
		return atxClosed, open + n
	}
	return atx, 0
}

func headingIncrement(p *pass) {
	previous := 6
	if p.hasTitle(p.options.text("front_matter_title")) {
		previous = 1
	}
	for _, b := range p.of[heading] {
		if level := b.level(); level > previous+1 {
			p.add(b.first, -1, "heading level jumps from %d to %d", previous, level)
		}
		previous = b.level()
	}
}

func headingStyle(p *pass) {
	want := p.options.text("style")
	for _, b := range p.of[heading] {
		style, _ := p.style(b)
		if want == consistent {
			want = style
		}
		expected := want
		switch {
		case want == "setext_with_atx" && b.level() <= 2, want == "setext_with_atx_closed" && b.level() <= 2:
			expected = setext
		case want == "setext_with_atx":
			expected = atx
		case want == "setext_with_atx_closed":
			expected = atxClosed
		}
		if style != expected {
			p.add(b.first, -1, "heading is %s, not %s", style, expected)
		}
	}
}

func blanksAroundHeadings(p *pass) {
	above, below := p.options.levels("lines_above"), p.options.levels("lines_below")
	for _, b := range p.of[heading] {
		if want, got := above[b.level()-1], 0; want >= 0 {
			for got < want && p.blank(b.first-1-got) {
				got++
			}
			if got < want {
				p.add(b.first, -1, "heading has %s above, expected %d", count(got, "blank line"), want).fix(p.blankLine(b, b.first, want-got)...)
			}
		}
		if want, got := below[b.level()-1], 0; want >= 0 {
			for got < want && p.blank(b.last+1+got) {
				got++
			}
			if got < want {
				p.add(b.first, -1, "heading has %s below, expected %d", count(got, "blank line"), want).fix(p.blankLine(b, b.last+1, want-got)...)
			}
		}
	}
}

func headingStartLeft(p *pass) {
	for _, b := range p.of[heading] {
		index := b.pos - p.starts[b.first]
		if at, inside := p.content(b.parent, b.first); inside && at < index {
			found := p.add(b.first, at, "heading is indented")
			if style, _ := p.style(b); style != setext {
				found.fix(p.replace(b.first, at, index, ""))
			}
		}
	}
}

func noDuplicateHeading(p *pass) {
	siblings := p.options.yes("siblings_only")
	var known [7]map[string]bool
	last := 1
	for _, b := range p.of[heading] {
		level := 1
		if siblings {
			level = b.level()
			for ; last < level; last++ {
				known[last+1] = nil
			}
			for ; last > level; last-- {
				known[last] = nil
			}
		}
		if known[level] == nil {
			known[level] = map[string]bool{}
		}
		if text := p.inner(b); known[level][text] {
			p.add(b.first, -1, "duplicate heading %q", text)
		} else {
			known[level][text] = true
		}
	}
}

func singleTitle(p *pass) {
	level := p.options.number("level")
	titles := slices.DeleteFunc(slices.Clone(p.of[heading]), func(b *block) bool { return b.level() != level || p.isTab(b) })
	if len(titles) == 0 {
		return
	}
	if !p.hasTitle(p.options.text("front_matter_title")) {
		if !p.isFirst(titles[0]) {
			return
		}
		titles = titles[1:]
	}
	for _, b := range titles {
		p.add(b.first, -1, "heading %q is another heading of level %d", p.inner(b), level)
	}
}

// isFirst says whether only comments precede a block.
func (d *doc) isFirst(b *block) bool {
	for _, before := range d.root.children {
		if before == b {
			return true
		}
		if !d.isComment(before) {
			return false
		}
	}
	return false
}

// isComment says whether a block of HTML is only a comment.
func (d *doc) isComment(b *block) bool {
	if b.kind != html {
		return false
	}
	text := strings.TrimSpace(d.body[b.pos:d.lineEnd(b.last)])
	comment, ok := strings.CutPrefix(text, "<!--")
	comment, closed := strings.CutSuffix(comment, "-->")
	return ok && closed && !strings.HasPrefix(comment, ">") && !strings.HasPrefix(comment, "->") && !strings.HasSuffix(comment, "-")
}

// lineEnd is the offset of a line's end.
func (s *source) lineEnd(line int) int { return s.starts[line] + len(s.raw[line]) }

// isTab says whether a heading is a DocFX tab: a single link to #tab/….
func (d *doc) isTab(b *block) bool {
	only, ok := b.node.FirstChild().(*ast.Link)
	return ok && only.NextSibling() == nil && strings.HasPrefix(string(only.Destination), "#tab/")
}

var endsInEntity = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`&(?:#\d+|#[xX][\da-fA-F]+|[a-zA-Z]{2,31}\d{0,2});$|:[a-z\d+_-]+:$`)
})

func noTrailingPunctuation(p *pass) {
	signs := p.options.text("punctuation")
	for _, b := range p.of[heading] {
		lines := b.node.Lines()
		if lines.Len() == 0 {
			continue
		}
		segment := lines.At(lines.Len() - 1)
		text := strings.TrimRight(p.body[segment.Start:segment.Stop], " \t\r\n")
		rest := strings.TrimRight(text, signs)
		if len(rest) == len(text) || endsInEntity().MatchString(text) {
			continue
		}
		rest = strings.TrimRight(rest, " \t")
		p.addAt(segment.Start+len(rest), "heading ends with %q", text[len(rest):])
	}
}

func firstLineHeading(p *pass) {
	if p.hasTitle(p.options.text("front_matter_title")) {
		return
	}
	level := p.options.number("level")
	for _, b := range p.root.children {
		if p.isComment(b) {
			continue
		}
		found := 0
		if b.kind == heading {
			found = b.level()
		} else if name := p.firstTag(b); len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' {
			found = int(name[1] - '0')
		}
		switch {
		case found > 0 && found != level:
			p.add(b.first, -1, "the page begins with a heading of level %d, not %d", found, level)
		case found == 0 && p.options.yes("allow_preamble"):
			continue
		case found == 0:
			p.add(b.first, -1, "the page does not begin with a heading of level %d", level)
		}
		return
	}
}

// firstTag is the name of the first tag in a block of HTML.
func (d *doc) firstTag(b *block) string {
	if b.kind != html {
		return ""
	}
	for _, e := range d.htmlElements() {
		if e.block == b {
			return e.name
		}
	}
	return ""
}

func requiredHeadings(p *pass) {
	required := p.options.list("headings")
	if required == nil {
		return
	}
	i, anything, any := 0, false, len(p.of[heading]) > 0
	next := func() string {
		i++
		if i > len(required) {
			return "[None]"
		}
		return required[i-1]
	}
	same := func(a, b string) bool { return a == b || !p.options.yes("match_case") && strings.EqualFold(a, b) }
	for _, b := range p.of[heading] {
		actual := strings.Repeat("#", b.level()) + " " + p.inner(b)
		switch want := next(); {
		case want == "*":
			if !same(next(), actual) {
				anything = true
				i--
			}
		case want == "+":
			anything = true
		case want == "?":
		case same(want, actual):
			anything = false
		case anything:
			i--
		default:
			p.add(b.first, -1, "heading is %q, expected %q", actual, want)
			return
		}
	}
	extra := len(required) - i
	optional := !slices.ContainsFunc(required, func(s string) bool { return s != "*" })
	if (extra > 1 || extra == 1 && required[i] != "*") && (any || !optional) {
		p.add(len(p.lines)-1, -1, "heading %q is missing", required[i])
	}
}
