// Package markdown holds style rules for Markdown, with the ids that linters share (MD001 and so on), and reads their settings.
//
// What a rule looks for, its name and its options are those of markdownlint 0.40, whose documentation is at
// https://github.com/DavidAnson/markdownlint/tree/v0.40.0/doc; what differs stands in docs/explanation/checks.md. It is pure: text in,
// positions and messages out.
package markdown

import (
	"cmp"
	"fmt"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// Problem is something that a rule does not like.
type Problem struct {
	// Line counts from 1; Column, in characters, too: 0 is the line as a whole.
	Line, Column int
	// Rule is an id of Rules, or SettingsRule.
	Rule, Message string
}

// doc is a page as rules see it.
type doc struct {
	*source
	*scratch // blocks in the order of the page, all and by kind; spans and texts in that in which they begin
	page     *page.Page
	root     *block
	// By line: whether it belongs to code, is the first or last one of a fence, belongs to HTML, a table, or defines a link.
	inCode, fences, inHTML, inGrid, defines []bool
	leaves                                  []*block // by line: what has no blocks in it
	// What only some rules want is made when they do.
	linkLines []bool
	paint     []paint
	refs      *references
	elements  []element
	loud      []loud
	read      bool // elements are
}

// Lint looks at a page.
func Lint(p *page.Page, settings *Settings) []Problem {
	if p.Front != nil && p.Front.Err != nil && p.Front.Err.Unclosed {
		return nil // there is no telling what is text
	}
	s := newSource(p.Text)
	sw, found := readSwitches(s, settings)
	if sw == nil {
		return found
	}
	d := &doc{source: s, page: p, scratch: stock.Get().(*scratch)}
	defer d.giveBack()
	d.build(p.Doc)
	d.mark()
	for _, b := range d.all {
		d.inlines(b)
	}
	for i := range Rules {
		rule := &Rules[i]
		if !sw.somewhere(i) {
			continue
		}
		rule.run(&pass{doc: d, options: sw.settings.options[i], rule: i, id: rule.ID, switches: sw, found: &found})
	}
	slices.SortStableFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
	return slices.Compact(found)
}

// mark notes what lines belong to.
func (d *doc) mark() {
	n := len(d.lines)
	all := d.flagged(n, 5)
	d.inCode, d.fences, d.inHTML, d.inGrid, d.defines = all[:n:n], all[n:2*n:2*n], all[2*n:3*n:3*n], all[3*n:4*n:4*n], all[4*n:]
	d.leaves = make([]*block, len(d.lines))
	for _, b := range d.all {
		switch b.kind {
		case fenced:
			set(d.inCode, b)
			d.fences[b.first] = true
			d.fences[b.last] = b.closed || d.fences[b.last]
		case indented:
			set(d.inCode, b)
		case html:
			set(d.inHTML, b)
		case grid:
			set(d.inGrid, b)
		case definition:
			set(d.defines, b)
		}
		if len(b.children) == 0 {
			for i := b.first; i <= b.last && i < len(d.leaves); i++ {
				d.leaves[i] = b
			}
		}
	}
}

func set(lines []bool, b *block) {
	for i := b.first; i <= b.last && i < len(lines); i++ {
		lines[i] = true
	}
}

// pass is one rule at work on one page.
type pass struct {
	*doc
	options options
	rule    int
	id      string
	*switches
	found *[]Problem
}

// add reports a problem of a line, at an index into it; -1 is the line as a whole.
func (p *pass) add(line, index int, format string, args ...any) {
	if line < 0 || line >= len(p.lines) || !p.on(p.rule, line) {
		return
	}
	column := 0
	if index >= 0 {
		_, column = p.page.Position(p.starts[line] + min(index, len(p.raw[line])))
	}
	*p.found = append(*p.found, Problem{
		Line: len(p.front) + line + 1, Column: column, Rule: p.id, Message: fmt.Sprintf(format, args...),
	})
}

// addAt reports a problem at an offset.
func (p *pass) addAt(offset int, format string, args ...any) {
	line := p.line(offset)
	p.add(line, offset-p.starts[line], format, args...)
}
