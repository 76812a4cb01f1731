package job

import (
	"regexp"
	"strings"
	"unicode"
)

// maxText is as many characters as a finding may have; what is longer is cut, and stands in the log.
const maxText = 400

// escape matches what programs send for colours and the cursor (ECMA-48: CSI).
var escape = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// oneLine is text on one line that no terminal obeys.
func oneLine(text string) string {
	text = escape.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), "")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}

// code is text as code in a cell of a Markdown table, where a pipe ends the cell even then.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(text) + "`"
}
