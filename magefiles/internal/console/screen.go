package console

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// screen is a block of lines at the end of the terminal that is replaced in place. Its lines are no wider than the terminal was when
// they were made. The Console's lock guards it.
type screen struct {
	terminal *terminal
	look     look
	lines    []line // to show
	drawn    []line // on the terminal now, right above the cursor
}

// line is a text with its width in columns, colours not counted.
type line struct {
	text  string
	width int
}

// show replaces the block. In the background it draws nothing and gives up the drawn block, as the cursor has moved on.
func (s *screen) show(w io.Writer, lines []line) {
	s.lines = lines
	write(w, s.eraseText()+s.drawText())
}

func (s *screen) erase(w io.Writer) { write(w, s.eraseText()) }
func (s *screen) draw(w io.Writer)  { write(w, s.drawText()) }

func write(w io.Writer, text string) {
	if text != "" {
		_, _ = io.WriteString(w, text)
	}
}

func (s *screen) eraseText() string {
	drawn := s.drawn
	s.drawn = nil
	if len(drawn) == 0 || !s.terminal.foreground() {
		return ""
	}
	width, _ := s.terminal.size() // it may be narrower now, and then lines are wrapped
	rows := 0
	for _, l := range drawn {
		rows += max(1, (l.width+width-1)/width)
	}
	return fmt.Sprintf("\r\x1b[%dA\x1b[J", rows)
}

func (s *screen) drawText() string {
	if len(s.lines) == 0 || !s.terminal.foreground() {
		return ""
	}
	s.drawn = s.lines
	var b strings.Builder
	for _, l := range s.lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// fit cuts text to width columns, with an ellipsis where it was cut, and pads it to width.
func fit(text string, width int, l look) string {
	ellipsis := "..."
	if l.unicode {
		ellipsis = "…"
	}
	if width <= runewidth.StringWidth(ellipsis) {
		ellipsis = ""
	}
	return runewidth.FillRight(runewidth.Truncate(text, width, ellipsis), width)
}
