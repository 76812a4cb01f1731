package console

import (
	"strings"
	"time"
	"unicode/utf8"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

const (
	tailLines = 20   // lines of a step that are kept to be shown if it fails
	maxLine   = 4096 // bytes; a longer line is shown in pieces
)

// step is the state of one step.
type step struct {
	name           string
	state          State // "" before it started
	reason         string
	begun, ended   time.Time
	current, total int64
	streams        [2]*stream // stdout, stderr
	tail           []string
	last           string      // last line that is not blank
	announce       *time.Timer // until its start is printed
	minor, aloud   bool
}

// stream turns pieces of a step's output into lines. Secrets are masked before lines are made, as a secret in two lines is no longer
// recognised.
type stream struct {
	masked *Writer
	lines  *lineSplitter
}

func newStream(r *Redactor, emit func(line string)) *stream {
	// Mask the whole line again: a secret with an escape sequence inside is only recognised when that is removed.
	lines := &lineSplitter{emit: func(line string) { emit(r.String(line)) }}
	return &stream{masked: r.Writer(lines), lines: lines}
}

func (s *stream) flush() {
	_ = s.masked.Flush() // a lineSplitter never fails
	s.lines.flush()
}

// keep keeps a line, to be shown if the step fails.
func (s *step) keep(text string) {
	if len(s.tail) == tailLines {
		s.tail = append(s.tail[:0], s.tail[1:]...)
	}
	s.tail = append(s.tail, text)
	if strings.TrimSpace(text) != "" {
		s.last = strings.TrimSpace(text)
	}
}

func (s *step) flush() {
	for _, out := range s.streams {
		if out != nil {
			out.flush()
		}
	}
}

// detail is the text that a live view shows beside the name: the progress, else the last line.
func (s *step) detail() string {
	if s.current > 0 {
		return megabytes(s.current, s.total)
	}
	return s.last
}

// cancelled reports whether the step did not fail by itself: another one did, or the user stopped the work.
func (s *step) cancelled() bool {
	return s.state == Failed && strings.Contains(s.reason, "context canceled")
}

// lineSplitter emits each line that is written to it, without its end and without control characters.
type lineSplitter struct {
	emit    func(line string)
	partial []byte
}

func (l *lineSplitter) Write(p []byte) (int, error) {
	rest := append(l.partial, p...)
	for {
		cut, next := nextLine(rest)
		if next == 0 {
			l.partial = append(l.partial[:0], rest...)
			return len(p), nil
		}
		l.emit(clean(string(rest[:cut])))
		rest = rest[next:]
	}
}

// nextLine returns the end of the first line of text and the start of the next; next is 0 if the line is not complete.
func nextLine(text []byte) (cut, next int) {
	for i, b := range text {
		if b == '\n' {
			return i, i + 1
		}
		if i >= maxLine && utf8.RuneStart(b) {
			return i, i
		}
	}
	return 0, 0
}

func (l *lineSplitter) flush() {
	if len(l.partial) > 0 {
		l.emit(clean(string(l.partial)))
		l.partial = nil
	}
}

// clean is a line of another program's output as a terminal would show it: text that was overwritten after a carriage return is
// removed, and so are control characters.
func clean(text string) string {
	text = strings.TrimRight(text, "\r")
	if at := strings.LastIndexByte(text, '\r'); at >= 0 {
		text = text[at+1:]
	}
	return plain.Text(text)
}

// oneLine is text on one line, with secrets masked before white space is joined and after: for names and reasons.
func oneLine(text string, r *Redactor) string { return r.String(plain.Line(r.String(text))) }
