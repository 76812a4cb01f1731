package page

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxMarks is how many ends of links, and how many marks of emphasis, a paragraph may have; what comes after them is text. The parser
// goes back from each over those before it, so that a megabyte of them would take minutes.
const maxMarks = 1000

// budget is an inline parser that comes first, and takes marks out of the others' way once there are too many.
type budget struct{}

// spent are the marks of the paragraph that is being parsed.
type spent struct {
	paragraph    ast.Node
	ends, others int
}

var spentKey = parser.NewContextKey()

// Trigger is what is counted.
func (budget) Trigger() []byte { return []byte{']', '*', '_', '~'} }

// Parse makes text of the mark at the reader's position, or lets the other parsers have it.
func (budget) Parse(paragraph ast.Node, block text.Reader, pc parser.Context) ast.Node {
	so, _ := pc.Get(spentKey).(*spent)
	if so == nil || so.paragraph != paragraph {
		so = &spent{paragraph: paragraph}
		pc.Set(spentKey, so)
	}
	line, segment := block.PeekLine()
	count := &so.others
	if line[0] == ']' {
		count = &so.ends
	}
	if *count++; *count <= maxMarks && !runsOn(line) {
		return nil
	}
	block.Advance(1)
	return ast.NewTextSegment(segment.WithStop(segment.Start + 1))
}

// maxTarget is how long a link's target without a space may be, in bytes.
const maxTarget = 2048

// runsOn says of a line that begins with ](: there is no end of the target near. Each of them would be looked through up to its line's end.
func runsOn(line []byte) bool {
	return len(line) > maxTarget && bytes.HasPrefix(line, []byte("](")) && !bytes.ContainsAny(line[:maxTarget], ") \t")
}

// maxDefinitions is how many definitions of links may stand in a row. The parser copies those that follow for each.
const maxDefinitions = 1000

// breakRuns blanks one of the lines of rows that are longer.
func breakRuns(source []byte) {
	run := 0
	for line := range bytes.Lines(source) {
		if run++; !bytes.HasPrefix(bytes.TrimLeft(line, " >\t"), []byte("[")) {
			run = 0
		}
		if run == maxDefinitions {
			for i := range bytes.TrimSuffix(line, []byte("\n")) {
				line[i] = ' '
			}
			run = 0
		}
	}
}
