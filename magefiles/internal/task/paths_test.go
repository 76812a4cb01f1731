package task

import (
	"strings"
	"testing"
)

// Messages that name files of a repository stay on one line, with any names.
func TestPathsStayOnOneLine(t *testing.T) {
	paths := []string{"a", "n\nError: forged\n##[error]x", "o\x1b[31m\u202eb", "c", "d"}
	for what, text := range map[string]string{
		"dirty": (&DirtyError{Changed: paths}).Error(), "unpushed": (&UnpushedError{Branch: "main", Paths: paths}).Error(), "first": firstPaths(paths),
	} {
		if strings.ContainsAny(text, "\n\x1b\u202e") || !strings.Contains(text, `a, "n\nError: forged\n##[error]x", "o\x1b[31m\u202eb"`) {
			t.Errorf("%s: %q", what, text)
		}
	}
	if got := somePaths(paths); !strings.HasSuffix(got, " and 2 more") {
		t.Errorf("got %q", got)
	}
	if got := somePaths(paths[:1]); got != "a" {
		t.Errorf("got %q", got)
	}
}
