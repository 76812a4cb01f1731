package page

import (
	"sort"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Page is a parsed Markdown page.
type Page struct {
	// Path is the file's, Text what stands in it.
	Path, Text string
	// Lines are the offsets at which lines begin. There is always one; a text that ends with \n has an empty line last.
	Lines []int
	// Body is the offset at which the Markdown begins, behind the frontmatter.
	Body int
	// Front is the frontmatter; nil if there is none.
	Front *Front
	// Doc is the tree of the body. Its segments are offsets in Source, which are those in Text: Source is Text with spaces in place of the
	// frontmatter and of carriage returns, and of what no one writes and would take the parser minutes, and with \x1f in place of the pipe
	// of [[page|text]].
	Doc    ast.Node
	Source []byte
	// Links are those of the body, in its order. Links in code, comments, math and other raw text are none.
	Links []Link
	// Headings are those of the body, in its order.
	Headings []Heading

	anchors map[string]bool // of headings and of HTML elements
	runes   []int           // characters before every stride-th byte
	blocks  func() map[string]bool
	hidden  spans // comments of Obsidian
}

// Heading is one of a page's.
type Heading struct {
	// Text is what a reader sees, Anchor what its address ends with.
	Text, Anchor string
	// Level is from 1 to 6, Line that on which it begins.
	Level, Line int
	// Hidden says that it is in a comment, where no reader sees it.
	Hidden bool
}

// markdown is the parser, which may be used from many goroutines.
var markdown = sync.OnceValue(func() parser.Parser {
	return goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList, extension.Footnote),
		goldmark.WithParserOptions(
			parser.WithBlockParsers(util.Prioritized(mathBlocks{}, 650)),
			parser.WithInlineParsers(util.Prioritized(budget{}, -1), util.Prioritized(wikiLinks{}, 50), util.Prioritized(mathSpans{}, 150)),
		),
	).Parser()
})

// Parse reads a page. What is wrong with its frontmatter stands in Front; Markdown cannot be wrong.
func Parse(path, content string) *Page {
	p := &Page{Path: path, Text: content, Lines: lineStarts(content), anchors: map[string]bool{}}
	p.countRunes()
	p.Front, p.Body = cutFront(content)
	p.Source = blank(content, p.Body)
	if nesting(p.Source) > maxNesting {
		p.Source = blank(content, len(content))
	}
	breakRuns(p.Source)
	hidePipes(p.Source)
	p.Doc = markdown().Parse(text.NewReader(p.Source))
	p.collect()
	p.blocks = sync.OnceValue(p.blockIDs)
	return p
}

// blank is the text as the parser gets it: of the same length, without frontmatter and carriage returns.
func blank(content string, body int) []byte {
	source := []byte(content)
	for i, c := range source {
		if c == '\r' || i < body && c != '\n' {
			source[i] = ' '
		}
	}
	return source
}

func lineStarts(content string) []int {
	starts := make([]int, 1, strings.Count(content, "\n")+1)
	for i := 0; ; {
		n := strings.IndexByte(content[i:], '\n')
		if n < 0 {
			return starts
		}
		i += n + 1
		starts = append(starts, i)
	}
}

// stride is how far apart characters are counted ahead, so that a column costs the same on a line of any length.
const stride = 512

func (p *Page) countRunes() {
	p.runes = make([]int, 1, len(p.Text)/stride+1)
	for i := stride; i <= len(p.Text); i += stride {
		p.runes = append(p.runes, p.runes[len(p.runes)-1]+startsIn(p.Text[i-stride:i]))
	}
}

// startsIn is how many characters begin in s, which may be cut anywhere.
func startsIn(s string) int {
	n := 0
	for i := range len(s) {
		if utf8.RuneStart(s[i]) {
			n++
		}
	}
	return n
}

func (p *Page) runesBefore(offset int) int {
	k := offset / stride
	return p.runes[k] + startsIn(p.Text[k*stride:offset])
}

// Position is where the byte at offset stands, as [validate.Position] has it.
func (p *Page) Position(offset int) (line, column int) {
	offset = max(0, min(offset, len(p.Text)))
	line = sort.SearchInts(p.Lines, offset+1)
	return line, p.runesBefore(offset) - p.runesBefore(p.Lines[line-1]) + 1
}
