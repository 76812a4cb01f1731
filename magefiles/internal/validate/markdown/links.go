package markdown

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// reference is the label by which a link refers to a definition; nil if the link states its address.
func (s *span) reference() *ast.ReferenceLink {
	switch n := s.node.(type) {
	case *ast.Link:
		return n.Reference
	case *ast.Image:
		return n.Reference
	}
	return nil
}

// target is the address of a link, as written.
func (s *span) target() string {
	switch n := s.node.(type) {
	case *ast.Link:
		return string(n.Destination)
	case *ast.Image:
		return string(n.Destination)
	}
	return ""
}

var reversedLink = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:^|[^\\])(\(([^()]+)\)\[([^\]^][^\]]*)\])`) })

func noReversedLinks(p *pass) {
	for i, line := range p.lines {
		if p.inCode[i] || !strings.Contains(line, ")[") {
			continue
		}
		for _, m := range reversedLink().FindAllStringSubmatchIndex(line, -1) {
			at, text, to := p.starts[i]+m[2], line[m[4]:m[5]], line[m[6]:m[7]]
			if strings.HasPrefix(line[m[3]:], "(") || strings.HasSuffix(text, `\`) || strings.HasSuffix(to, `\`) ||
				p.markupAt(at)&markupCode != 0 || p.markupAt(p.starts[i]+m[3]-1)&markupCode != 0 {
				continue
			}
			p.add(i, m[2], "the brackets of %s are the wrong way round", line[m[2]:m[3]])
		}
	}
}

func noSpaceInLinks(p *pass) {
	for _, s := range p.spans {
		if s.form != link || s.labelStart >= s.labelEnd {
			continue
		}
		text := p.body[s.labelStart:s.labelEnd]
		before, after := len(text)-len(strings.TrimLeft(text, " \t")), len(text)-len(strings.TrimRight(text, " \t"))
		switch {
		case before > 0:
			p.addAt(s.labelStart, "%s at the beginning of a link's text", count(before, "space"))
		case strings.TrimLeft(text, "\r\n") != text:
			p.add(p.line(s.labelStart)+1, -1, "a link's text begins on the next line")
		}
		switch {
		case after > 0:
			p.addAt(s.labelEnd-after, "%s at the end of a link's text", count(after, "space"))
		case strings.TrimRight(text, "\r\n") != text:
			p.add(p.line(s.labelEnd)-1, -1, "a link's text ends on the line before its bracket")
		}
	}
}

func noEmptyLinks(p *pass) {
	for i := range p.spans {
		s := &p.spans[i]
		if s.form != link {
			continue
		}
		to := strings.TrimSpace(s.target())
		if to == "#" || to == "" && s.reference() == nil {
			p.addAt(s.start, "link without an address")
		}
	}
}

func noAltText(p *pass) {
	for _, s := range p.spans {
		if s.form != image || s.labelStart != s.labelEnd || p.onlyShown() && s.cell != nil {
			continue
		}
		if line := p.line(s.start); line == p.line(s.end-1) {
			p.addAt(s.start, "image without alternative text")
		} else {
			p.add(line, -1, "image without alternative text")
		}
	}
	for _, e := range p.htmlElements() {
		if e.name != "img" || p.onlyShown() && (e.cell || e.html) {
			continue
		}
		if _, has := attribute(e.text, "alt"); has {
			continue
		}
		if hidden, _ := attribute(e.text, "aria-hidden"); !strings.EqualFold(hidden, "true") {
			p.addAt(e.offset, "image without alternative text")
		}
	}
}

func descriptiveLinkText(p *pass) {
	prohibited := map[string]bool{}
	for _, text := range p.options.list("prohibited_texts") {
		prohibited[words(text)] = true
	}
	for i := range p.spans {
		s := &p.spans[i]
		if s.form != link || s.labelEnd-s.labelStart > 500 {
			continue
		}
		text := p.body[s.labelStart:s.labelEnd]
		if !prohibited[words(text)] || holdsCode(s.node) {
			continue
		}
		if line := p.line(s.labelStart); line == p.line(s.labelEnd) {
			p.addAt(s.labelStart, "link text %q does not describe its target", text)
		} else {
			p.add(line, -1, "link text %q does not describe its target", text)
		}
	}
}

func holdsCode(n ast.Node) bool {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if c.Kind() == ast.KindCodeSpan || c.Kind() == ast.KindRawHTML {
			return true
		}
	}
	return false
}

// words are the words of a text in lower case, separated by one space.
func words(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r >= utf8.RuneSelf || r == '_' || !isWord(byte(r)) }), " ")
}

func linkImageStyle(p *pass) {
	kinds := []string{"autolink", "inline", "full", "collapsed", "shortcut", "url_inline"}
	if !slices.ContainsFunc(kinds, func(kind string) bool { return !p.options.yes(kind) }) {
		return
	}
	for i := range p.spans {
		s := &p.spans[i]
		if s.form != link && s.form != image && s.form != autolink {
			continue
		}
		kind := p.kindOf(s)
		refused := !p.options.yes(kind)
		if kind == "inline" && !refused {
			refused = !p.options.yes("url_inline") && p.options.yes("autolink") && p.couldBeAutolink(s)
		}
		if !refused || kind != "autolink" && s.target() == "" {
			continue
		}
		if line := p.line(s.start); line == p.line(s.end-1) {
			p.addAt(s.start, "link style %s is not allowed", kind)
		} else {
			p.add(line, -1, "link style %s is not allowed", kind)
		}
	}
}

func (d *doc) kindOf(s *span) string {
	ref := s.reference()
	switch {
	case s.form == autolink:
		return "autolink"
	case ref == nil:
		return "inline"
	case ref.Type == ast.ReferenceLinkFull:
		return "full"
	case ref.Type == ast.ReferenceLinkCollapsed:
		return "collapsed"
	}
	return "shortcut"
}

func (d *doc) couldBeAutolink(s *span) bool {
	n, ok := s.node.(*ast.Link)
	if !ok || len(n.Title) > 0 || d.body[s.labelStart:s.labelEnd] != string(n.Destination) {
		return false
	}
	u, err := url.Parse(string(n.Destination))
	return err == nil && u.IsAbs() && !strings.ContainsAny(string(n.Destination), " <>")
}

func noBareURLs(p *pass) {
	depth, last := 0, (*block)(nil)
	for _, t := range p.texts {
		if t.block != last {
			depth, last = 0, t.block
		}
		if p.markupAt(t.start)&(markupLink|markupElement) == 0 {
			depth = p.bareURLs(t, depth)
		}
	}
}

// bareURLs finds addresses in text, from the left. Addresses in open brackets are skipped; depth is the number of open brackets.
func (p *pass) bareURLs(t stretch, depth int) int {
	text := p.body[t.start:t.end]
	for i := 0; i < len(text); i++ {
		n := 0
		switch c := text[i]; c {
		case '\\':
			i++
			continue
		case '[':
			depth++
			continue
		case ']':
			depth = max(0, depth-1)
			continue
		case 'h', 'H', 'w', 'W':
			n = urlLength(text[i:], p.before(t.start+i))
		case '@':
			if start, end := email(text, i); start >= 0 && depth == 0 {
				p.bareURL(t, start, end)
				i = end - 1
			}
			continue
		}
		if n > 0 && depth == 0 {
			p.bareURL(t, i, i+n)
			i += n - 1
		}
	}
	return depth
}

func (p *pass) bareURL(t stretch, start, end int) {
	start, end = t.start+start, t.start+end
	if p.before(start) != '<' || end >= len(p.body) || p.body[end] != '>' {
		p.addAt(start, "bare address %s", p.body[start:end])
	}
}

// before is the character before an offset; a line end at the beginning of the text.
func (d *doc) before(offset int) rune {
	if offset <= d.starts[0] {
		return '\n'
	}
	r, _ := utf8.DecodeLastRuneInString(d.body[max(0, offset-4):offset])
	return r
}

// urlLength is the length of the address at the beginning of text, or 0. It follows GitHub's rules for literal autolinks.
func urlLength(text string, before rune) int {
	at := 0
	switch {
	case hasPrefixFold(text, "http://"), hasPrefixFold(text, "https://"):
		at = strings.Index(text, "//") + 2
		if unicode.IsLetter(before) && before < utf8.RuneSelf || at >= len(text) {
			return 0
		}
	case hasPrefixFold(text, "www."):
		at = 4
		if !unicode.IsSpace(before) && !strings.ContainsRune("(*_[]~", before) {
			return 0
		}
	default:
		return 0
	}
	first, _ := utf8.DecodeRuneInString(text[at:])
	if at < len(text) && !domainRune(first) {
		return 0
	}
	host := at
	for host < len(text) {
		r, n := utf8.DecodeRuneInString(text[host:])
		if !domainRune(r) && r != '.' && r != '-' && r != '_' {
			break
		}
		host += n
	}
	if host == at || badDomain(text[at:host]) {
		return 0
	}
	return at + trimURL(text[at:at+pathEnd(text[at:])])
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

func domainRune(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.IsControl(r) && !unicode.IsPunct(r) && !unicode.IsSymbol(r)
}

// badDomain says whether one of the last two parts contains an underscore.
func badDomain(host string) bool {
	parts := strings.Split(strings.TrimRight(host, ".-_"), ".")
	return strings.Contains(strings.Join(parts[max(0, len(parts)-2):], ""), "_")
}

func pathEnd(text string) int {
	if end := strings.IndexFunc(text, func(r rune) bool { return r == '<' || unicode.IsSpace(r) }); end >= 0 {
		return end
	}
	return len(text)
}

// trimURL removes trailing punctuation, and closing brackets that were opened before.
func trimURL(text string) int {
	for n := len(text); n > 0; n-- {
		switch c := text[n-1]; {
		case strings.IndexByte("!\"'*,.:;?_~]", c) >= 0:
		case c == ')' && strings.Count(text[:n], ")") > strings.Count(text[:n], "("):
		default:
			return n
		}
	}
	return 0
}

// email returns the bounds of the email address around the @ at an index, or -1.
func email(text string, at int) (start, end int) {
	start, end = at, at+1
	for start > 0 && (isAlnum(text[start-1]) || strings.IndexByte("+-._", text[start-1]) >= 0) {
		start--
	}
	dot := false
	for end < len(text) && (isAlnum(text[end]) || strings.IndexByte("-_.", text[end]) >= 0) {
		if text[end] == '.' {
			if end+1 >= len(text) || !isAlnum(text[end+1]) {
				break
			}
			dot = true
		}
		end++
	}
	if start == at || !dot || start > 0 && (text[start-1] == '/' || text[start-1] == '\\') || !unicode.IsLetter(rune(text[end-1])) {
		return -1, -1
	}
	return start, end
}

func isAlnum(c byte) bool { return c != '_' && isWord(c) }
