package markdown

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// properNames finds names in another spelling. Longer names come first; their matches are not searched again.
func properNames(p *pass) {
	list := slices.Clone(p.options.list("names"))
	if len(list) == 0 {
		return
	}
	slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	parts := make([]string, len(list))
	known := map[string]bool{}
	for i, name := range list {
		parts[i] = regexp.QuoteMeta(name)
		known[name] = true
	}
	re := compiled("(?:" + strings.Join(parts, "|") + ")")
	if re == nil {
		return
	}
	p.eachProse(func(start, end int) {
		for _, m := range re.FindAllStringIndex(p.body[start:end], -1) {
			from, to := start+m[0], start+m[1]
			if name := p.body[from:to]; !known[name] && p.edge(from, -1) && p.edge(to-1, 1) && !p.inAddress(from) {
				want := list[slices.IndexFunc(list, func(s string) bool { return strings.EqualFold(s, name) })]
				p.addAt(from, "%q, expected %q", name, want)
			}
		}
	})
}

// edge says whether a word that ends with the character at i ends there; signs of emphasis are not part of it.
func (d *doc) edge(i, step int) bool {
	if !isWord(d.body[i]) {
		return true
	}
	for i += step; i >= 0 && i < len(d.body) && d.body[i] == '_'; i += step {
	}
	return !d.wordAt(i)
}

// inAddress says whether the text at an offset belongs to an address.
func (d *doc) inAddress(offset int) bool {
	const ends, longest = " \t\n()<>[]\"", 2000
	before := d.body[max(0, offset-longest):offset]
	word := before[strings.LastIndexAny(before, ends)+1:] + d.body[offset:min(len(d.body), offset+longest)]
	if n := strings.IndexAny(word, ends); n >= 0 {
		word = word[:n]
	}
	return strings.Contains(word, "://") || hasPrefixFold(word, "www.")
}

// eachProse calls do for the text in which names are checked.
func (p *pass) eachProse(do func(start, end int)) {
	for _, t := range p.texts {
		do(t.start, t.end)
	}
	if p.options.yes("code_blocks") {
		for _, b := range p.all {
			if b.kind == fenced || b.kind == indented {
				eachLine(b.node, do)
			}
		}
	}
	for _, s := range p.spans {
		if s.form == code && p.options.yes("code_blocks") || s.form == tag && p.options.yes("html_elements") {
			do(s.start, s.end)
		}
	}
	if p.options.yes("html_elements") {
		for _, b := range p.of[html] {
			if !p.isComment(b) {
				eachLine(b.node, do)
			}
		}
	}
}

func eachLine(n ast.Node, do func(start, end int)) {
	for i := range n.Lines().Len() {
		segment := n.Lines().At(i)
		do(segment.Start, segment.Stop)
	}
}
