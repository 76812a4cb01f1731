package markdown

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

// eachTextLine calls do for the lines that are neither code nor HTML.
func (d *doc) eachTextLine(do func(i int, line string)) {
	for i, line := range d.lines {
		if !d.inCode[i] && !d.inHTML[i] {
			do(i, line)
		}
	}
}

func noMissingSpace(p *pass) {
	p.eachTextLine(func(i int, line string) {
		if line == "" || line[0] != '#' {
			return
		}
		n := run(line, 0)
		if n == len(line) || strings.IndexByte(" \t", line[n]) >= 0 || strings.HasSuffix(strings.TrimRight(line, " \t"), "#") ||
			strings.HasPrefix(line, "#\ufe0f\u20e3") || p.onlyShown() && isTagLine(line) {
			return
		}
		if found := p.add(i, 0, "no space after %s", line[:n]); n > 1 || !p.onlyShown() { // else it may be a tag with text
			found.repair(p.replace(i, n, n, " "))
		}
	})
}

var closedHeading = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(#+)([ \t]*)([^# \t\\]|[^# \t][^#]*?[^# \t\\])([ \t]*)((?:\\#)?)(#+)\s*$`)
})

func noMissingSpaceClosed(p *pass) {
	p.eachTextLine(func(i int, line string) {
		if line == "" || line[0] != '#' || !strings.HasSuffix(strings.TrimRight(line, " \t"), "#") {
			return
		}
		m := closedHeading().FindStringSubmatchIndex(line)
		if m == nil {
			return
		}
		const left, right, escape, closing = 4, 8, 10, 12 // in m
		switch {
		case m[left] == m[left+1]:
			p.add(i, 0, "no space after the opening %s", line[:m[left]])
		case m[right] == m[right+1], m[escape] != m[escape+1]:
			_, n := utf8.DecodeLastRuneInString(line[:m[closing]])
			p.add(i, m[closing]-n, "no space before the closing %s", line[m[closing]:m[closing+1]])
		}
	})
}

func noMultipleSpace(p *pass) {
	for _, b := range p.of[heading] {
		if style, _ := p.style(b); style == atx {
			p.afterOpening(b)
		}
	}
}

func noMultipleSpaceClosed(p *pass) {
	for _, b := range p.of[heading] {
		style, closing := p.style(b)
		if style != atxClosed {
			continue
		}
		p.afterOpening(b)
		text := p.written(b)[:closing]
		if n := len(text) - len(strings.TrimRight(text, " \t")); n > 1 && len(text)-n > run(text, 0) {
			p.addAt(b.pos+closing-n+1, "%s before the closing #", count(n, "space"))
		}
	}
}

// afterOpening reports more than one space after a heading's first signs.
func (p *pass) afterOpening(b *block) {
	text := p.written(b)
	open := run(text, 0)
	rest := strings.TrimLeft(text[open:], " \t")
	if n := len(text) - open - len(rest); n > 1 && rest != "" {
		p.addAt(b.pos+open+1, "%s after %s", count(n, "space"), text[:open]).fix(validate.Edit{Start: b.pos + open, End: b.pos + open + n, New: " "})
	}
}
