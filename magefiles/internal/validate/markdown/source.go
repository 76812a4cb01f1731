package markdown

import (
	"slices"
	"sort"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/frontmatter"
)

// source is a page's text in the form that rules read: without frontmatter, split into lines, with comments hidden.
type source struct {
	body  string   // the whole text; offsets refer to it
	front []string // the lines of the frontmatter; none if there is none
	// raw are the lines of body, without their ends. In lines, dots replace the content of comments, so that rules do not find anything in
	// it.
	raw, lines []string
	starts     []int // the offset of each line
}

func newSource(text string) *source {
	cut := frontmatterEnd(text)
	s := &source{body: text}
	if cut > 0 {
		s.front, _ = splitLines(text[:cut])
		s.front = s.front[:len(s.front)-1] // the empty text after the last line's end
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

// splitLines also returns the offsets of the lines. A line ends with \n or \r\n.
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

// frontmatterEnd is the offset of the body: 0 if the text does not begin with a closed frontmatter. The blank lines after it are part of
// it, as in other linters.
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

// hideComments replaces the content of HTML comments by dots, so that every position stays the same. A comment that is never closed, and
// one in the middle of a line that is not a valid HTML comment, is text.
func hideComments(text string) string {
	out := []byte(text)
	blank, row := true, isRow(text) // whether the line so far is only white space; whether it is a row of a table
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

// isComment says whether the content of a comment in the middle of a line is valid in HTML.
func isComment(content string, row bool) bool {
	return !(row && strings.Contains(content, "\n")) &&
		!strings.HasPrefix(content, ">") && !strings.HasPrefix(content, "->") && !strings.HasSuffix(content, "-") && !strings.Contains(content, "--")
}

// dots keeps line ends, and spaces that are not at the end of a line.
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

// line is the index of the line that contains the byte at offset of body.
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

// blank says whether a line shows nothing: only white space, comments, signs of a quote. Lines outside the page are blank.
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

// withoutComments also removes the parts of comments that begin or end on another line.
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

// hasTitle says whether the frontmatter states a title. The title then counts as the first heading.
func (s *source) hasTitle(pattern string) bool {
	if pattern == "" {
		return false
	}
	re := compiled(pattern)
	return re != nil && slices.ContainsFunc(s.front, re.MatchString)
}
