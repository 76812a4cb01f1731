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
	// Path is the path of the file, Text its content.
	Path, Text string
	// Lines are the offsets of the lines. There is at least one; a text that ends with \n has an empty last line.
	Lines []int
	// Body is the offset of the Markdown, after the frontmatter.
	Body int
	// Front is the frontmatter; nil if there is none.
	Front *Front
	// Doc is the tree of the body. Its segments are offsets in Source, and equal to those in Text. In Source, spaces replace the
	// frontmatter, carriage returns, and constructs that would take the parser minutes and that nobody writes; \x1f replaces the pipe of
	// [[page|text]].
	Doc    ast.Node
	Source []byte
	// Links are the links of the body, in its order. Links in code, comments, math and other raw text are left out.
	Links []Link
	// Headings are the headings of the body, in its order.
	Headings []Heading

	anchors map[string]bool // of headings and of HTML elements
	runes   []int           // the number of characters before every stride-th byte
	blocks  func() map[string]bool
	hidden  spans // comments of Obsidian
}

// Heading is a heading of a page.
type Heading struct {
	// Text is the visible text, Anchor the fragment of its address.
	Text, Anchor string
	// Level is from 1 to 6, Line the line where it begins.
	Level, Line int
	// Hidden says that it is in a comment, which readers do not see.
	Hidden bool
}

// markdown is the parser. It may be used from several goroutines.
var markdown = sync.OnceValue(func() parser.Parser {
	return goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList, extension.Footnote),
		goldmark.WithParserOptions(
			parser.WithBlockParsers(util.Prioritized(mathBlocks{}, 650)),
			parser.WithInlineParsers(util.Prioritized(markLimit{}, -1), util.Prioritized(wikiLinks{}, 50), util.Prioritized(mathSpans{}, 150)),
		),
	).Parser()
})

// Parse reads a page. Errors of its frontmatter are in Front; Markdown has no errors.
func Parse(path, content string) *Page {
	p := &Page{Path: path, Text: content, Lines: lineStarts(content), anchors: map[string]bool{}}
	p.countRunes()
	p.Front, p.Body = cutFrontmatter(content)
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

// blank is the text for the parser: of the same length, without frontmatter and carriage returns.
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

// stride is the distance in bytes between precomputed character counts, so that a column costs the same on a line of any length.
const stride = 512

func (p *Page) countRunes() {
	p.runes = make([]int, 1, len(p.Text)/stride+1)
	for i := stride; i <= len(p.Text); i += stride {
		p.runes = append(p.runes, p.runes[len(p.runes)-1]+startsIn(p.Text[i-stride:i]))
	}
}

// startsIn is the number of characters that begin in s, which may be cut within a character.
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

// Position is the line and column of the byte at offset, as in [validate.Position].
func (p *Page) Position(offset int) (line, column int) {
	offset = max(0, min(offset, len(p.Text)))
	line = sort.SearchInts(p.Lines, offset+1)
	return line, p.runesBefore(offset) - p.runesBefore(p.Lines[line-1]) + 1
}
