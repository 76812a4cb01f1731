// Package fragment checks that a changelog fragment's text stays within the bullet that it becomes. It is pure.
package fragment

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Problem is an error in a text.
type Problem struct {
	Line    int // of the bullet, from 1
	Message string
}

// maxSize is the maximum size in bytes of a text that is parsed: the time for deeply nested Markdown grows with the square of its size.
const maxSize = 8 << 10

// Problems compares a section of a changelog with one fragment to the same section with the fragment "x". Markdown means CommonMark.
func Problems(section, plain string) []Problem {
	if len(section) > maxSize {
		return nil
	}
	source := []byte(section)
	document := goldmark.DefaultParser().Parse(text.NewReader(source))
	if !sameBlocks(document, goldmark.DefaultParser().Parse(text.NewReader([]byte(plain)))) {
		return []Problem{{1, "ends its list"}}
	}
	w := walker{section: section, begin: strings.Index(section, "\n- ") + 1}
	_ = ast.Walk(document, w.visit) // visit returns no error
	return w.found
}

// sameBlocks compares the outermost blocks.
func sameBlocks(a, b ast.Node) bool {
	x, y := a.FirstChild(), b.FirstChild()
	for ; x != nil && y != nil; x, y = x.NextSibling(), y.NextSibling() {
		if x.Kind() != y.Kind() || x.Kind() == ast.KindList && x.ChildCount() != y.ChildCount() {
			return false
		}
	}
	return x == nil && y == nil
}

type walker struct {
	section string
	begin   int // of the bullet
	found   []Problem
}

func (w *walker) visit(n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	switch n := n.(type) {
	case *ast.FencedCodeBlock:
		if !w.closed(n) {
			w.problem(n, "opens a code block that is not closed")
		}
	case *ast.HTMLBlock:
		raw := string(n.Lines().Value([]byte(w.section)))
		if n.HTMLBlockType == ast.HTMLBlockType2 && !n.HasClosure() && !strings.Contains(raw, "-->") {
			w.problem(n, "opens a comment that is not closed")
		}
	}
	return ast.WalkContinue, nil
}

// closed says whether the line after a block of code is a fence.
func (w *walker) closed(n *ast.FencedCodeBlock) bool {
	opening := w.section[n.Pos():]
	after := strings.IndexByte(opening, '\n') + 1
	if lines := n.Lines(); lines.Len() > 0 {
		after = lines.At(lines.Len()-1).Stop - n.Pos()
	}
	if after <= 0 || after > len(opening) {
		return false
	}
	last, _, _ := strings.Cut(opening[after:], "\n")
	last = strings.Trim(last, " \t\r")
	char := strings.TrimLeft(opening, " \t")[:1]
	return strings.HasPrefix(last, strings.Repeat(char, 3)) && strings.Trim(last, char) == ""
}

func (w *walker) problem(n ast.Node, message string) {
	line := 1 + strings.Count(w.section[min(w.begin, n.Pos()):n.Pos()], "\n")
	w.found = append(w.found, Problem{line, message})
}
