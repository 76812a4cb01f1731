// Package scrub replaces secrets in a stream of bytes, for any division of the stream into writes.
//
// It replaces each value as a whole, and each of its lines that holds more than white space. If several match, the first in the stream wins, and
// of those the longest. The result is the same for every way of splitting the same bytes.
package scrub

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// Mask replaces a secret.
const Mask = "***"

// Set is a set of secrets. The zero value is empty and replaces nothing.
type Set struct {
	byFirst [256][][]byte // by first byte, longest first
	filled  bool
}

// NewSet returns the set of values. Empty values are left out.
func NewSet(values ...string) *Set {
	s := &Set{}
	for _, v := range values {
		s.add(v)
		for line := range strings.Lines(v) {
			line = strings.TrimRight(line, "\r\n")
			if strings.TrimSpace(line) != "" {
				s.add(line)
			}
		}
	}
	for _, needles := range s.byFirst {
		slices.SortFunc(needles, func(a, b []byte) int { return len(b) - len(a) })
	}
	return s
}

func (s *Set) add(value string) {
	if value == "" {
		return
	}
	first := &s.byFirst[value[0]]
	for _, known := range *first {
		if string(known) == value {
			return
		}
	}
	*first = append(*first, []byte(value))
	s.filled = true
}

// Bytes returns text with the secrets replaced.
func (s *Set) Bytes(text []byte) []byte {
	out, _ := s.replace(nil, text, true)
	return out
}

// replace appends text with its secrets replaced to dst. Without final it stops at the first byte that may begin a (longer) secret with later
// bytes; used is the number of processed bytes of text.
func (s *Set) replace(dst, text []byte, final bool) (out []byte, used int) {
	plain := 0 // text[plain:i] is known to be no secret
	i := 0
	for i < len(text) {
		n, undecided := s.match(text[i:], final)
		if undecided {
			break
		}
		if n == 0 {
			i++
			continue
		}
		dst = append(append(dst, text[plain:i]...), Mask...)
		i += n
		plain = i
	}
	return append(dst, text[plain:i]...), i
}

// match returns the length of the longest secret that text begins with, or reports that more bytes are needed to decide.
func (s *Set) match(text []byte, final bool) (n int, undecided bool) {
	for _, needle := range s.byFirst[text[0]] {
		if bytes.HasPrefix(text, needle) {
			return len(needle), false
		}
		if !final && len(text) < len(needle) && bytes.HasPrefix(needle, text) {
			return 0, true
		}
	}
	return 0, false
}

// Writer replaces the secrets in what is written to it. A beginning that may become a secret is held back until it is
// decided or Close is called. It is not safe for concurrent use.
type Writer struct {
	set  *Set
	dst  io.Writer
	held []byte
	out  []byte
}

// Writer returns a writer that passes on to dst.
func (s *Set) Writer(dst io.Writer) *Writer {
	return &Writer{set: s, dst: dst}
}

// Write passes p on with secrets replaced. The error is that of the underlying writer; p counts as written even then.
func (w *Writer) Write(p []byte) (int, error) {
	if !w.set.filled {
		return w.dst.Write(p)
	}
	w.held = append(w.held, p...)
	return len(p), w.flush(false)
}

// Close passes on the bytes that are held back. It does not close the underlying writer.
func (w *Writer) Close() error {
	return w.flush(true)
}

func (w *Writer) flush(final bool) error {
	out, used := w.set.replace(w.out[:0], w.held, final)
	w.out = out
	w.held = append(w.held[:0], w.held[used:]...)
	if len(out) == 0 {
		return nil
	}
	_, err := w.dst.Write(out)
	return err
}
