package workflow

import (
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// positions converts offsets in a scalar's value to places in the file.
type positions struct {
	file   *file
	node   *yaml.Node
	starts []int // of the value's lines

	// The last place found: a later place in the same line continues from it.
	k, offset, column int
	raw               string // the rest of the line in the file; "" if it does not contain the value's line unchanged
}

func (f *file) positions(n *yaml.Node) *positions {
	p := &positions{file: f, node: n, starts: []int{0}, k: -1}
	for i := range len(n.Value) {
		if n.Value[i] == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	return p
}

// at is the line and column of the value's byte at offset. For a folded or escaped value it is the beginning of the scalar.
func (p *positions) at(offset int) (line, column int) {
	k := sort.SearchInts(p.starts, offset+1) - 1
	if k != p.k || offset < p.offset {
		p.find(k)
	}
	if p.column == 0 {
		return p.node.Line, p.node.Column
	}
	step := min(offset-p.offset, len(p.raw))
	p.column += utf8.RuneCountInString(p.raw[:step])
	p.raw, p.offset = p.raw[step:], offset
	if p.node.Style&yaml.LiteralStyle != 0 {
		return p.node.Line + 1 + k, p.column
	}
	return p.node.Line, p.column
}

// find finds the value's line k in the file.
func (p *positions) find(k int) {
	from, end := p.starts[k], len(p.node.Value)
	if k+1 < len(p.starts) {
		end = p.starts[k+1] - 1
	}
	text := p.node.Value[from:end]
	p.k, p.offset, p.column, p.raw = k, from, 0, ""
	before := -1
	var raw string
	switch {
	case p.node.Style&yaml.LiteralStyle != 0:
		raw, _ = p.file.line(p.node.Line + 1 + k)
		if strings.HasSuffix(raw, text) {
			before = len(raw) - len(text)
		}
	case len(p.starts) == 1 && p.node.Style&yaml.FoldedStyle == 0 && text != "":
		raw, _ = p.file.line(p.node.Line)
		before = strings.Index(raw, text)
	}
	if before >= 0 {
		p.column, p.raw = utf8.RuneCountInString(raw[:before])+1, raw[before:]
	}
}

// line is a line of the file without its end, counted from 1.
func (f *file) line(n int) (string, bool) {
	if n < 1 || n > len(f.lines) {
		return "", false
	}
	return strings.TrimSuffix(f.lines[n-1], "\r"), true
}
