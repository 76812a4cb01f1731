package shell

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// screen is what a very wide terminal shows, with the lines that have left it at the top.
type screen struct {
	lines    [][]rune
	row, col int
}

// control matches a sequence that is not text: a command with numbers, a title, or another one.
var control = regexp.MustCompile(`^\x1b(?:\[([?0-9;]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()].|[^\[\]()])`)

// shownBy is the screen after all that was written.
func shownBy(text string) *screen {
	s := &screen{lines: [][]rune{nil}}
	for len(text) > 0 {
		if at := control.FindStringSubmatch(text); at != nil {
			s.command(at[1], at[2])
			text = text[len(at[0]):]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		s.put(r)
		text = text[n:]
	}
	return s
}

func (s *screen) put(r rune) {
	switch r {
	case '\n':
		s.moveTo(s.row+1, s.col)
	case '\r':
		s.col = 0
	case '\b':
		s.col = max(0, s.col-1)
	case '\t':
		for s.put(' '); s.col%8 > 0; {
			s.put(' ')
		}
	default:
		if r < ' ' { // a bell, or the beginning of a sequence whose end is not written yet
			return
		}
		line := s.lines[s.row]
		for len(line) <= s.col {
			line = append(line, ' ')
		}
		line[s.col] = r
		s.lines[s.row] = line
		s.col++
	}
}

func (s *screen) moveTo(row, col int) {
	s.row, s.col = max(0, row), max(0, col)
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, nil)
	}
}

// command does what a sequence says, as far as the programs of these tests use it. Colours and questions show nothing.
func (s *screen) command(numbers, what string) {
	n, _ := strconv.Atoi(numbers) // none is 0
	line := s.lines[s.row]
	at := min(s.col, len(line))
	switch what {
	case "A":
		s.moveTo(s.row-max(1, n), s.col)
	case "B":
		s.moveTo(s.row+max(1, n), s.col)
	case "C":
		s.moveTo(s.row, s.col+max(1, n))
	case "D":
		s.moveTo(s.row, s.col-max(1, n))
	case "G":
		s.moveTo(s.row, max(1, n)-1)
	case "J":
		s.lines[s.row] = line[:at]
		s.lines = s.lines[:s.row+1]
	case "K":
		s.lines[s.row] = line[:at]
	case "P":
		s.lines[s.row] = append(line[:at:at], line[min(len(line), at+max(1, n)):]...)
	}
}

// text is the lines from a row on, up to another one.
func (s *screen) text(from, to int) string {
	var out strings.Builder
	for _, line := range s.lines[from:to] {
		out.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return out.String()
}

// at reports whether the cursor is right after this text, which begins its line.
func (s *screen) at(text string) bool {
	line := strings.TrimRight(string(s.lines[s.row]), " ")
	return line == strings.TrimRight(text, " ") && s.col == len([]rune(text))
}

func TestScreen(t *testing.T) {
	for text, want := range map[string]string{
		"a\r\nb\r\n$ ": "a\nb\n$\n",
		"\x1b[1mworks\x1b[0m  1.2s\r\n  step\r\n\r\x1b[2A\x1b[Jdone ✓\r\n$ ": "done ✓\n$\n",
		"abc\b\b\x1b[Kd":                       "ad\n",
		"\x1b]0;title\x07\x1b[?2004h# \x1b[6n": "#\n",
		"a\tb":                                 "a       b\n",
		"12345\r\x1b[2P":                       "345\n",
	} {
		s := shownBy(text)
		if got := s.text(0, len(s.lines)); got != want {
			t.Errorf("%q shows %q, want %q", text, got, want)
		}
	}
	if !shownBy("x\r\n$ ").at("$ ") || shownBy("x\r\n$ ls").at("$ ") || shownBy("x\r\n$").at("$ ") {
		t.Error("the prompt is not found where it is")
	}
}
