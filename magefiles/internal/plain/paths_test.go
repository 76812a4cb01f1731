package plain

import (
	"strings"
	"testing"
)

// Messages that name files of a repository stay on one line, with any names.
func TestPathsStayOnOneLine(t *testing.T) {
	paths := []string{"a", "n\nError: forged\n##[error]x", "o\x1b[31m\u202eb", "c", "d"}
	first, more := FirstPaths(paths)
	for _, text := range []string{first, Paths(paths)} {
		if strings.ContainsAny(text, "\n\x1b\u202e") || !strings.Contains(text, `a, "n\nError: forged\n##[error]x", "o\x1b[31m\u202eb"`) {
			t.Errorf("got %q", text)
		}
	}
	if got := Paths(paths); more != 2 || !strings.HasSuffix(got, " and 2 more") {
		t.Errorf("got %q, %d", got, more)
	}
	if got := Paths(paths[:1]); got != "a" {
		t.Errorf("got %q", got)
	}
}
