package markdown

import (
	"slices"
	"sort"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/frontmatter"
)

// source is a page's text in the form in which rules read it: without frontmatter, in lines, and with comments hidden.
type source struct {
	body  string   // the whole text; offsets are those in it
	front []string // the lines of the frontmatter; none if there is none
	// raw are the lines of body, without their ends. In lines, the content of comments is replaced by dots, so that what is commented
	// out is not found.
	raw, lines []string
	starts     []int // where each of these lines begins
}

func newSource(text string) *source {
	cut := frontmatterEnd(text)
	s := &source{body: text}
	if cut > 0 {
		s.front, _ = splitLines(text[:cut])
		s.front = s.front[:len(s.front)-1] // what follows the last line's end
	}
	s.raw, s.starts = splitLines(text[cut:])
	for i := range s.starts {
		s.starts[i] += cut
	}
	s.lines = s.raw
	if strings.Contains(text[cut:], "<!--") {
		s.lines, _ = splitLines(hideComments(text[cut:]))
	}
	return s
}

// splitLines also returns where the lines begin. A line ends with \n or \r\n.
func splitLines(text string) (lines []string, starts []int) {
	n := strings.Count(text, "\n") + 1
	lines, starts = make([]string, 0, n), make([]int, 0, n)
	for at := 0; ; {
		starts = append(starts, at)
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			return append(lines, text[at:]), starts
		}
		lines = append(lines, strings.TrimSuffix(text[at:at+end], "\r"))
		at += end + 1
	}
}

// frontmatterEnd is where the body begins: 0 if the text does not begin with a closed frontmatter. The blank lines after it belong to it, as they
// do for other linters.
func frontmatterEnd(text string) int {
	block := frontmatter.Find(text)
	if !block.Closed {
		return 0
	}
	return afterBlank(text, block.To+len(strings.TrimRight(text[block.To:block.Body], "\n")))
}

// afterBlank is the first line after at that is not blank.
func afterBlank(text string, at int) int {
	for i := at; i < len(text); i++ {
		switch text[i] {
		case '\n':
			at = i + 1
		case ' ', '\t', '\r':
		default:
			return at
		}
	}
	return len(text)
}

// hideComments replaces what stands in HTML comments by dots, so that every position stays. A comment that is never closed, and one
// in the middle of a line that HTML would not take for a comment, is text.
func hideComments(text string) string {
	out := []byte(text)
	blank, row := true, isRow(text) // whether only white space stands in the line so far; whether it is one of a table
	for i := 0; ; {
		at := strings.Index(text[i:], "<!--")
		if at < 0 {
			return string(out)
		}
		at += i
		from := i
		if n := strings.LastIndexByte(text[i:at], '\n'); n >= 0 {
			blank, from = true, i+n+1
			row = isRow(text[from:])
		}
		blank = blank && strings.TrimSpace(text[from:at]) == ""
		end := strings.Index(text[at+2:], "-->")
		if end < 0 {
			return string(out)
		}
		end += at + 2
		if end > at+4 && (blank || isComment(text[at+4:end], row)) {
			dots(out[at+4 : end])
		}
		if n := strings.LastIndexByte(text[at:end], '\n'); n >= 0 {
			row = isRow(text[at+n+1:])
		}
		i, blank = end+3, false
	}
}

// isRow says whether text begins with spaces and a pipe.
func isRow(text string) bool {
	for i := range len(text) {
		if text[i] != ' ' {
			return text[i] == '|'
		}
	}
	return false
}

// isComment says whether HTML takes the content of a comment in the middle of a line for one.
func isComment(content string, row bool) bool {
	return !(row && strings.Contains(content, "\n")) &&
		!strings.HasPrefix(content, ">") && !strings.HasPrefix(content, "->") && !strings.HasSuffix(content, "-") && !strings.Contains(content, "--")
}

// dots keeps line ends, and spaces that no line ends with.
func dots(b []byte) {
	trailing := false
	for i := len(b) - 1; i >= 0; i-- {
		switch c := b[i]; {
		case c == '\n' || c == '\r':
			trailing = true
		case c != ' ' || trailing:
			trailing = trailing && c == ' '
			b[i] = '.'
		}
	}
}

// line is the index of the line in which the byte at offset of body stands.
func (s *source) line(offset int) int {
	return max(0, sort.SearchInts(s.starts, offset+1)-1)
}

// text is the line at an index, "" beyond the first and the last.
func (s *source) text(line int) string {
	if line < 0 || line >= len(s.lines) {
		return ""
	}
	return s.lines[line]
}

// blank says whether a line has nothing to see: white space, comments, signs of a quote. Lines beyond the page are blank.
func (s *source) blank(line int) bool { return isBlank(s.text(line)) }

func isBlank(text string) bool {
	if strings.TrimSpace(text) == "" {
		return true
	}
	if !strings.ContainsAny(text, "<>") {
		return false
	}
	return strings.TrimSpace(strings.ReplaceAll(withoutComments(text), ">", "")) == ""
}

// withoutComments also takes away the halves of comments that begin or end on another line.
func withoutComments(text string) string {
	var out strings.Builder
	for {
		start, end := strings.Index(text, "<!--"), strings.Index(text, "-->")
		switch {
		case end >= 0 && (start < 0 || end < start):
			out.Reset()
			text = text[end+3:]
		case start >= 0 && end >= 0:
			out.WriteString(text[:start])
			text = text[end+3:]
		case start >= 0:
			return out.String() + text[:start]
		default:
			return out.String() + text
		}
	}
}

// hasTitle says whether the frontmatter states a title, by which it counts as the first heading.
func (s *source) hasTitle(pattern string) bool {
	if pattern == "" {
		return false
	}
	re := compiled(pattern)
	return re != nil && slices.ContainsFunc(s.front, re.MatchString)
}
