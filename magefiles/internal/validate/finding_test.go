package validate

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestString(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]Finding{
		"a.md:3:7: no page [links/missing]":             {Path: "a.md", Line: 3, Column: 7, Message: "no page", Check: "links", Rule: "missing"},
		"a.md:3: no page [links/missing]":               {Path: "a.md", Line: 3, Message: "no page", Check: "links", Rule: "missing"},
		"a.md: no page [links/missing]":                 {Path: "a.md", Column: 7, Message: "no page", Check: "links", Rule: "missing"},
		"argocd.example: no answer [live/down]":         {About: "argocd.example", Message: "no answer", Check: "live", Rule: "down"},
		"a\ufffd[31mb:1: é\ufffd\ufffdc日本 [c/r]":        {Path: "a\x1b[31mb", Line: 1, Message: "é\xff\u009bc日本", Check: "c", Rule: "r"},
		"two\ufffdlines: a\ufffdb\ufffd::error [c/r]":   {Path: "two\nlines", Message: "a\rb\n::error", Check: "c", Rule: "r"},
		"a\ufffdb: turned\ufffdaround\ufffdlines [c/r]": {Path: "a\u2028b", Message: "turned\u202earound\u2029lines", Check: "c", Rule: "r"},
	} {
		if got := f.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// FuzzString checks that nothing passes that controls a terminal or breaks the format of a line.
func FuzzString(f *testing.F) {
	f.Add("a.md", "no page")
	f.Add("a\x1b[2J", "\u009b\x00\x7f\xff\r\n")
	f.Add("\u202egnp.exe", "\u2066\u2069")
	f.Fuzz(func(t *testing.T, path, message string) {
		got := Finding{Path: path, Message: message, Check: "c", Rule: "r", Line: 1}.String()
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
		}) {
			t.Errorf("%q", got)
		}
	})
}

func TestPosition(t *testing.T) {
	t.Parallel()
	text := "ab\ncé日x\r\n\nlast"
	for _, c := range []struct {
		offset, line, column int
	}{
		{-1, 1, 1}, {0, 1, 1}, {1, 1, 2}, {2, 1, 3}, {3, 2, 1}, {4, 2, 2}, {6, 2, 3}, {9, 2, 4}, {10, 2, 5}, {11, 2, 6}, {12, 3, 1}, {13, 4, 1},
		{len(text), 4, 5}, {len(text) + 9, 4, 5},
	} {
		if line, column := Position(text, c.offset); line != c.line || column != c.column {
			t.Errorf("offset %d: %d:%d, want %d:%d", c.offset, line, column, c.line, c.column)
		}
	}
	if line, column := Position("", 0); line != 1 || column != 1 {
		t.Errorf("an empty text: %d:%d", line, column)
	}
}

// FuzzPosition converts line and column back to the offset.
func FuzzPosition(f *testing.F) {
	f.Add("ab\ncé日x\r\n\nlast", 7)
	f.Add("\n\n", 1)
	f.Add("\xff\xc3\n\xe6\x97", 2)
	f.Fuzz(func(t *testing.T, text string, offset int) {
		line, column := Position(text, offset)
		offset = max(0, min(offset, len(text)))
		for offset < len(text) && !utf8.RuneStart(text[offset]) {
			return // within a character: the offset cannot be recovered
		}
		if !utf8.ValidString(text) {
			return
		}
		at := 0
		for range line - 1 {
			at += strings.IndexByte(text[at:], '\n') + 1
		}
		for range column - 1 {
			_, n := utf8.DecodeRuneInString(text[at:])
			at += n
		}
		if at != offset {
			t.Errorf("%q, %d: %d:%d is %d", text, offset, line, column, at)
		}
	})
}
