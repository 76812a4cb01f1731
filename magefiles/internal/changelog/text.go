package changelog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is handled as in Python, which has more kinds of blanks and line ends than Go.

// universal makes every line end \n.
func universal(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// isBlank is str.isspace.
func isBlank(r rune) bool { return unicode.IsSpace(r) || '\x1c' <= r && r <= '\x1f' }

func strip(s string) string      { return strings.TrimFunc(s, isBlank) }
func stripLeft(s string) string  { return strings.TrimLeftFunc(s, isBlank) }
func stripRight(s string) string { return strings.TrimRightFunc(s, isBlank) }

// isLineEnd reports whether str.splitlines ends a line at the character.
func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\v', '\f', '\r', '\x1c', '\x1d', '\x1e', '\x85', '\u2028', '\u2029':
		return true
	}
	return false
}

// indented puts two spaces before each line but the first. A blank line is unchanged.
func indented(s string) string {
	var text strings.Builder
	for first := true; s != ""; first = false {
		end := strings.IndexFunc(s, isLineEnd)
		line := s
		if end >= 0 {
			_, size := utf8.DecodeRuneInString(s[end:])
			line = s[:end+size]
		}
		if !first && strip(line) != "" {
			text.WriteString("  ")
		}
		text.WriteString(line)
		s = s[len(line):]
	}
	return text.String()
}
