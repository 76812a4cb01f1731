package page

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// KindMath and KindMathBlock are the kinds of math. Its text is not Markdown.
var (
	KindMath      = ast.NewNodeKind("Math")
	KindMathBlock = ast.NewNodeKind("MathBlock")
)

// Math is $…$ or $$…$$ in a line.
type Math struct {
	ast.BaseInline
	stop int // offset after it
}

// Kind is KindMath.
func (*Math) Kind() ast.NodeKind { return KindMath }

// Dump prints the node for debugging.
func (n *Math) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// MathBlock is the text between lines $$. Its lines are those after the first, including the last.
type MathBlock struct{ ast.BaseBlock }

// Kind is KindMathBlock.
func (*MathBlock) Kind() ast.NodeKind { return KindMathBlock }

// IsRaw says that it has no inline elements.
func (*MathBlock) IsRaw() bool { return true }

// Dump prints the node for debugging.
func (n *MathBlock) Dump(source []byte, level int) { ast.DumpHelper(n, source, level, nil, nil) }

// mathSpans is the inline parser of math. As in Obsidian and Pandoc, there is no space after the first $, none before the last one and no
// digit after it, so that prices are text. As in remark-math, which Quartz and markdownlint use, both may have a space.
type mathSpans struct{}

// noMath is the offset up to which a dollar is known to have no closing one, so that a line is searched only once: without a space after
// the dollar, and with one.
var noMath = map[bool]parser.ContextKey{false: parser.NewContextKey(), true: parser.NewContextKey()}

// Trigger is the character at which the parser is called.
func (mathSpans) Trigger() []byte { return []byte{'$'} }

// Parse reads math at the reader's position.
func (mathSpans) Parse(_ ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, segment := block.PeekLine()
	mark := []byte("$")
	if bytes.HasPrefix(line, []byte("$$")) {
		mark = []byte("$$")
	}
	padded := len(line) > len(mark) && isSpace(line[len(mark)])
	if known, _ := pc.Get(noMath[padded]).(int); segment.Start < known && len(mark) == 1 {
		return nil
	}
	end := mathEnd(line, mark, padded)
	if end < 0 {
		if len(mark) == 1 {
			pc.Set(noMath[padded], segment.Stop)
		}
		block.Advance(len(mark) - 1)
		return nil
	}
	block.Advance(end)
	node := &Math{stop: segment.Start + end}
	node.SetPos(segment.Start)
	return node
}

// mathEnd is the length of the math at the beginning of a line, or -1.
func mathEnd(line, mark []byte, padded bool) int {
	for i := len(mark) + 1; i < len(line); i++ {
		switch {
		case line[i] == '\\':
			i++
		case bytes.HasPrefix(line[i:], mark) && (len(mark) == 2 || closes(line, i, padded)):
			return i + len(mark)
		}
	}
	return -1
}

func closes(line []byte, i int, padded bool) bool {
	if padded && (line[i-1] == '$' || i+1 < len(line) && line[i+1] == '$') {
		return false // a run of dollars of another length
	}
	return isSpace(line[i-1]) == padded && (i+1 == len(line) || line[i+1] < '0' || line[i+1] > '9')
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// mathBlocks is the block parser of math.
type mathBlocks struct{}

// Trigger is the character with which its lines begin.
func (mathBlocks) Trigger() []byte { return []byte{'$'} }

// Open accepts a line that begins with $$ and does not close it again.
func (mathBlocks) Open(_ ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, _ := reader.PeekLine()
	at := pc.BlockOffset()
	if at < 0 || !bytes.HasPrefix(line[at:], []byte("$$")) || bytes.Contains(line[at+2:], []byte("$$")) {
		return nil, parser.NoChildren
	}
	reader.AdvanceToEOL()
	return &MathBlock{}, parser.NoChildren
}

// Continue reads up to the line that ends with $$.
func (mathBlocks) Continue(node ast.Node, reader text.Reader, _ parser.Context) parser.State {
	line, segment := reader.PeekLine()
	node.Lines().Append(segment)
	reader.AdvanceToEOL()
	if bytes.HasSuffix(bytes.TrimRight(line, " \t\n"), []byte("$$")) {
		return parser.Close
	}
	return parser.Continue | parser.NoChildren
}

// Close does nothing.
func (mathBlocks) Close(ast.Node, text.Reader, parser.Context) {}

// CanInterruptParagraph says that a line $$ ends a paragraph.
func (mathBlocks) CanInterruptParagraph() bool { return true }

// CanAcceptIndentedLine says that an indented line cannot open it.
func (mathBlocks) CanAcceptIndentedLine() bool { return false }
