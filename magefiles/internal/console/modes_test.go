package console

import (
	"strings"
	"testing"
)

func TestModes(t *testing.T) {
	for name, c := range map[string]struct{ shown, undo string }{
		"none":           {"text \x1b[1mbold\x1b[0m", ""},
		"changed back":   {"\x1b[?1049h\x1b[?25l…\x1b[?25h\x1b[?1049l", ""},
		"left in vi":     {"\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\x1b[?25l", "\x1b[?1049l\x1b[?1l\x1b[?25h"},
		"several at one": {"\x1b[?1000;1006h", "\x1b[?1000l\x1b[?1006l"},
		"unknown":        {"\x1b[?9999h", ""},
	} {
		for size := 1; size <= len(c.shown); size++ {
			var m modes
			for rest := c.shown; rest != ""; rest = rest[min(size, len(rest)):] {
				m.note([]byte(rest[:min(size, len(rest))]))
			}
			if got := m.undo(); got != c.undo {
				t.Errorf("%s, %d bytes at a time: %q, want %q", name, size, got, c.undo)
			}
		}
	}
	var m modes
	m.note([]byte(strings.Repeat("\x1b", 1<<20) + strings.Repeat("1", 1<<20)))
	if len(m.rest) > longest {
		t.Errorf("%d bytes are kept", len(m.rest))
	}
}
