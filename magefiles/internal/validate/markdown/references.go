package markdown

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// references are the definitions of link targets, and the links that use them.
type references struct {
	defined map[string]int // label -> line
	again   []defined      // defined again
	order   []defined
	used    map[string]bool
	missing []missing
}

type defined struct {
	label string
	line  int
}

// missing is a link whose target is not defined.
type missing struct {
	label      string
	start, end int
	shortcut   bool
}

func normalized(label string) string {
	return strings.ToLower(strings.Join(strings.Fields(label), " "))
}

func (d *doc) links() *references {
	if d.refs != nil {
		return d.refs
	}
	r := &references{defined: map[string]int{}, used: map[string]bool{}}
	d.refs = r
	for _, b := range d.of[definition] {
		r.define(normalized(string(b.node.(*ast.LinkReferenceDefinition).Label)), b.first)
	}
	d.footnotes(r)
	for i := range d.spans {
		if ref := d.spans[i].reference(); ref != nil {
			r.used[normalized(string(ref.Value))] = true
			if ref.Type != ast.ReferenceLinkFull { // signs of emphasis in it are missing in Value
				r.used[normalized(d.body[d.spans[i].labelStart:d.spans[i].labelEnd])] = true
			}
		}
	}
	for _, b := range d.all {
		switch b.kind {
		case paragraph, heading:
			if n := b.texts[1] - b.texts[0]; n > 0 {
				d.unresolved(r, d.texts[b.texts[0]].start, d.texts[b.texts[1]-1].end)
			}
		case grid:
			for _, t := range d.texts[b.texts[0]:b.texts[1]] {
				d.unresolved(r, t.start, t.end)
			}
		}
	}
	return r
}

func (r *references) define(label string, line int) {
	if _, known := r.defined[label]; known {
		r.again = append(r.again, defined{label, line})
		return
	}
	r.defined[label] = line
	r.order = append(r.order, defined{label, line})
}

// footnotes finds definitions [^label]: at the beginning of lines, and uses elsewhere.
func (d *doc) footnotes(r *references) {
	for i, line := range d.lines {
		if d.inCode[i] || d.inHTML[i] || d.defines[i] || !strings.Contains(line, "[") {
			continue
		}
		rest := strings.TrimLeft(line, " \t>")
		if label, _, ok := strings.Cut(rest, "]:"); ok && strings.HasPrefix(label, "[^") && len(label) > 2 && !strings.ContainsAny(label[2:], "[] \t") {
			r.define(normalized(label[1:]), i)
			rest = rest[len(label)+2:]
		}
		d.inBrackets(r, i, len(line)-len(rest))
	}
}

// inBrackets marks the text in the innermost brackets of a line as used if the parser treats it as text: the parser drops footnotes without
// a reference.
func (d *doc) inBrackets(r *references, line, from int) {
	text, open := d.raw[line], -1
	for k := from; k < len(text); k++ {
		switch {
		case text[k] == '[':
			open = k
		case text[k] == ']' && open >= 0:
			if d.markupAt(d.starts[line]+open) == 0 {
				r.used[normalized(text[open+1:k])] = true
			}
			open = -1
		}
	}
}

// unresolved finds [text][label], [label][] and [label] that are text, since no such label is defined.
func (d *doc) unresolved(r *references, start, end int) {
	var open []int
	for i := start; i < end; i++ {
		c := d.body[i]
		if c == '\\' {
			i++
			continue
		}
		if c != '[' && c != ']' || d.markupAt(i)&^markupElement != 0 {
			continue
		}
		if c == '[' {
			open = append(open, i)
			continue
		}
		if len(open) == 0 {
			continue
		}
		from := open[len(open)-1]
		open = open[:len(open)-1]
		m := missing{start: from, end: i + 1, shortcut: true, label: d.body[from+1 : i]}
		if i+1 < end && d.body[i+1] == '[' && d.markupAt(i+1)&^markupElement == 0 {
			if to := d.until(i+2, ']'); to < end && !strings.Contains(d.body[i+2:to], "[") {
				m.end, m.shortcut = to+1, false
				if to > i+2 {
					m.label = d.body[i+2 : to]
				}
				i = to
			}
		}
		if from > start && d.body[from-1] == '!' {
			m.start--
		}
		m.label = normalized(strings.ReplaceAll(m.label, "\n>", "\n"))
		if _, known := r.defined[m.label]; known {
			r.used[m.label] = true
		} else if m.label != "" && !strings.Contains(m.label, "]") {
			r.missing = append(r.missing, m)
		}
	}
}

func referenceLinks(p *pass) {
	ignored := p.options.list("ignored_labels")
	for _, m := range p.links().missing {
		if m.shortcut && !p.options.yes("shortcut_syntax") || slices.Contains(ignored, m.label) {
			continue
		}
		p.addAt(m.start, "undefined link target %q", m.label)
	}
}

func referenceDefinitions(p *pass) {
	ignored := p.options.list("ignored_definitions")
	for _, def := range p.links().order {
		if !slices.Contains(ignored, def.label) && !p.links().used[def.label] && !p.onlyShown() {
			p.add(def.line, 0, "%q is defined but not used", def.label)
		}
	}
	for _, def := range p.links().again {
		if !slices.Contains(ignored, def.label) {
			p.add(def.line, 0, "duplicate definition of %q", def.label)
		}
	}
}
