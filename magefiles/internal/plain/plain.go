// Package plain cleans foreign text for display: the text of a server, a compiler or a folder's name can then neither control the reader's
// terminal nor hide a part of itself.
//
// Code that masks a secret in such a text cleans it first: the reader does not see an escape sequence in the middle of a secret, but it hides
// the secret from a search.
package plain

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escape matches the sequences that move the cursor, set colours and titles (ECMA-48: CSI, OSC and two-character sequences, and the forms of
// the first two that are one character).
var escape = regexp.MustCompile("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\x1b\\]|\u009d)[^\x07\x1b\u009c\n]*(?:\x07|\x1b\\\\|\u009c)?|\x1b[ -/]*[0-~]")

// Text is text of any number of lines without escape sequences, control characters other than tabs and line ends, and characters that have no
// width or turn the direction of text. Bytes that are not UTF-8 become U+FFFD.
func Text(s string) string {
	s = escape.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "")
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && Hidden(r) {
			return -1
		}
		return r
	}, s)
}

// Line is the same as Text on one line, with white space as single spaces.
func Line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, escape.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), ""))
	return strings.Join(strings.Fields(Text(s)), " ")
}

// Short is Line, cut to a number of characters with an ellipsis.
func Short(s string, most int) string {
	s = Line(s)
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most]) + "…"
	}
	return s
}

// OneLine is foreign text on one line, short enough for a message.
func OneLine(s string) string {
	const most = 400 // characters
	return Short(s[:min(len(s), 8*most)], most)
}

// Hidden reports whether a character is not visible: controls, line and paragraph separators, those that change the direction of text, and
// those without width that split a word. The two that join and separate the letters of a script, or the parts of an emoji, do not count.
func Hidden(r rune) bool { return !unicode.IsGraphic(r) && r != '\u200c' && r != '\u200d' }

// Name is a name from outside, such as a folder's: unchanged if nothing in it is hidden, else in quotes with escapes.
func Name(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, Hidden) {
		return s
	}
	return fmt.Sprintf("%+q", s)
}

// JSON escapes hidden characters in a JSON document, and the beginning of a workflow command of the form ##[. Its values stay the
// same.
func JSON(document []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(document) { // an encoder wrote it: it is UTF-8
		if r != '\n' && r != '\t' && Hidden(r) {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
			continue
		}
		b.WriteRune(r)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("##["), []byte(`#\u0023[`))
}
