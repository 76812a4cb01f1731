package page

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// maxMarks is the number of closing brackets, and of emphasis marks, that a paragraph may have; further ones are text. The parser searches
// back from each over the earlier ones, so a megabyte of them would take minutes.
const maxMarks = 1000

// markLimit is an inline parser that runs first. Once there are too many marks it turns them into text before the other parsers see them.
type markLimit struct{}

// markCount are the marks of the paragraph that is being parsed.
type markCount struct {
	paragraph    ast.Node
	ends, others int
}

var markCountKey = parser.NewContextKey()

// Trigger is the characters that are counted.
func (markLimit) Trigger() []byte { return []byte{']', '*', '_', '~'} }

// Parse turns the mark at the reader's position into text, or leaves it to the other parsers.
func (markLimit) Parse(paragraph ast.Node, block text.Reader, pc parser.Context) ast.Node {
	so, _ := pc.Get(markCountKey).(*markCount)
	if so == nil || so.paragraph != paragraph {
		so = &markCount{paragraph: paragraph}
		pc.Set(markCountKey, so)
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

// maxTarget is the maximum length in bytes of a link's target without a space.
const maxTarget = 2048

// runsOn says that a line that begins with ]( has no end of the target nearby. The parser would search each of these up to the line's end.
func runsOn(line []byte) bool {
	return len(line) > maxTarget && bytes.HasPrefix(line, []byte("](")) && !bytes.ContainsAny(line[:maxTarget], ") \t")
}

// maxDefinitions is the maximum number of consecutive link definitions. The parser copies the following ones for each.
const maxDefinitions = 1000

// breakRuns blanks a line in each longer run of definitions.
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
