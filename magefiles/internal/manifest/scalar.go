package manifest

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// typed matches plain texts that some reader of YAML does not take for a string: null, booleans, numbers, dates
// and base 60, as in YAML 1.1, which Kubernetes reads.
var typed = regexp.MustCompile(`(?i)^(|~|null|y|n|yes|no|on|off|true|false|<<|=|[-+]?\.(inf|nan)|[-+]?0[xob][0-9a-f_]*|[-+.]?[0-9][-+0-9_,.:et z]*)$`)

// plain matches texts that need no quotes, not even in a flow mapping.
var plain = regexp.MustCompile(`^[A-Za-z0-9/]([A-Za-z0-9/._:@%+=~&;-]*[A-Za-z0-9/._@%+=~&;-])?$`)

// hasValue reports whether a scalar has the value already, as a string for every reader.
func hasValue(n *yaml.Node, value string) bool {
	isPlain := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0
	return n.Kind == yaml.ScalarNode && n.Value == value && n.Tag == "!!str" && !(isPlain && typed.MatchString(value))
}

// render writes a value in the style of the one before, in double quotes if it would not be a string without them.
func render(style yaml.Style, value string) string {
	switch {
	case style&yaml.SingleQuotedStyle != 0:
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	case style&yaml.DoubleQuotedStyle == 0 && plain.MatchString(value) && !typed.MatchString(value):
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// unwritable says why a value cannot be written in one line; "" if it can.
func unwritable(value string) string {
	switch {
	case !utf8.ValidString(value):
		return "is not UTF-8"
	case strings.IndexFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0:
		return "has a line break or another character that does not print"
	case strings.Contains(value, "{{"):
		return "is a template"
	}
	return ""
}

// locate returns the span of a scalar in the text, quotes included, or why that span cannot be replaced.
func locate(text []byte, n *yaml.Node) (start, end int, problem string) {
	start = offset(text, n.Line, n.Column)
	switch {
	case start < 0:
	case n.Style&yaml.DoubleQuotedStyle != 0:
		end = closing(text, start, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		end = closing(text, start, '\'')
	case bytes.HasPrefix(text[start:], []byte(n.Value)):
		end = start + len(n.Value)
	}
	if start < 0 || end <= start {
		return 0, 0, "it spans several lines"
	}
	return start, end, ""
}

// closing returns the offset after the closing quote of the text that begins at start, -1 if there is none in that line.
func closing(text []byte, start int, quote byte) int {
	if start >= len(text) || text[start] != quote {
		return -1
	}
	for i := start + 1; i < len(text) && lineBreak(text[i:]) == 0; i++ {
		switch {
		case quote == '"' && text[i] == '\\':
			if i++; lineBreak(text[min(i, len(text)):]) > 0 { // an escaped line break joins two lines
				return -1
			}
		case quote == '\'' && bytes.HasPrefix(text[i:], []byte("''")):
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

// byteOrderMark may begin a file; the parser does not count it.
const byteOrderMark = "\uFEFF"

// offset returns where a line and column are, which the parser counts from 1 and in characters; -1 if the text ends before.
func offset(text []byte, line, column int) int {
	at := 0
	if bytes.HasPrefix(text, []byte(byteOrderMark)) {
		at = len(byteOrderMark)
	}
	for ; line > 1; line-- {
		for at < len(text) && lineBreak(text[at:]) == 0 {
			at++
		}
		if at == len(text) {
			return -1
		}
		at += lineBreak(text[at:])
	}
	for ; column > 1; column-- {
		if at >= len(text) || lineBreak(text[at:]) > 0 {
			return -1
		}
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return at
}

// lineBreak is the length of the line break that the text begins with, 0 if it does not. The parser takes all those of YAML
// 1.1: CR LF, LF, CR, NEL, LS and PS.
func lineBreak(text []byte) int {
	for _, b := range []string{"\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"} {
		if bytes.HasPrefix(text, []byte(b)) {
			return len(b)
		}
	}
	return 0
}
