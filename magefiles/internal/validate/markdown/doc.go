// Package markdown holds style rules for Markdown, with the ids that linters share (MD001 and so on), and reads their settings.
//
// The names, options and behavior of the rules are those of markdownlint 0.40 (documentation:
// https://github.com/DavidAnson/markdownlint/tree/v0.40.0/doc); docs/explanation/checks.md lists the differences. The package is pure: text
// in, positions and messages out.
package markdown

import (
	"cmp"
	"fmt"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/page"
)

// Problem is a violation of a rule.
type Problem struct {
	// Line and Column count from 1, Column in characters. Column 0 means the whole line.
	Line, Column int
	// Rule is an id of Rules, or SettingsRule.
	Rule, Message string
	Do            string // the correction, "" for the rule's
	// Fix is the correction, if it needs no decision. Repairs says that it changes the shown page; see Fixes.
	Fix     *validate.Fix
	Repairs bool
}

// same says that two problems are equal but for their fixes.
func same(a, b Problem) bool {
	a.Fix, b.Fix = nil, nil
	return a == b
}

// doc is a page in the form that rules read.
type doc struct {
	*source
	*scratch // blocks in the order of the page, all and by kind; spans and texts in the order of their beginnings
	page     *page.Page
	root     *block
	// By line: whether it belongs to code, opens or closes a fence, belongs to HTML or a table, or defines a link.
	inCode, fences, inHTML, inGrid, defines []bool
	leaves                                  []*block // by line: the innermost block
	// Only some rules use these; they are computed on first use.
	linkLines []bool
	markup    []markup
	refs      *references
	elements  []element
	loud      []loud
	read      bool // elements have been read
}

// Lint checks a page.
func Lint(p *page.Page, settings *Settings) []Problem {
	if p.Front != nil && p.Front.Err != nil && p.Front.Err.Unclosed {
		return nil // text and markup cannot be told apart
	}
	s := newSource(p.Text)
	sw, found := readDirectives(s, settings)
	if sw == nil {
		return found
	}
	d := &doc{source: s, page: p, scratch: pool.Get().(*scratch)}
	defer d.release()
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
		rule.run(&pass{doc: d, options: sw.settings.options[i], rule: i, id: rule.ID, directives: sw, found: &found})
	}
	slices.SortStableFunc(found, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
	return slices.CompactFunc(found, same)
}

// mark records the kind of each line.
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

// pass is one rule running on one page.
type pass struct {
	*doc
	options options
	rule    int
	id      string
	*directives
	found *[]Problem
}

// add reports a problem of a line, at an index into it; -1 means the whole line. The result is for Problem.fix, before the next add; it is nil
// if a comment switches the rule off.
func (p *pass) add(line, index int, format string, args ...any) *Problem {
	if line < 0 || line >= len(p.lines) || !p.on(p.rule, line) {
		return nil
	}
	column := 0
	if index >= 0 {
		_, column = p.page.Position(p.starts[line] + min(index, len(p.raw[line])))
	}
	*p.found = append(*p.found, Problem{
		Line: len(p.front) + line + 1, Column: column, Rule: p.id, Message: fmt.Sprintf(format, args...),
	})
	return &(*p.found)[len(*p.found)-1]
}

// addAt reports a problem at an offset.
func (p *pass) addAt(offset int, format string, args ...any) *Problem {
	line := p.line(offset)
	return p.add(line, offset-p.starts[line], format, args...)
}
