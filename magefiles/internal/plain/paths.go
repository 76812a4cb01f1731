package plain

import (
	"fmt"
	"strings"
)

// shownPaths is the number of paths that a message names.
const shownPaths = 3

// FirstPaths are the first of many paths, for a line that people read, and the number of the others. A path that could hide a message is quoted.
func FirstPaths(paths []string) (text string, more int) {
	shown := paths[:min(shownPaths, len(paths))]
	names := make([]string, len(shown))
	for i, p := range shown {
		names[i] = Name(p)
	}
	return strings.Join(names, ", "), len(paths) - len(shown)
}

// Paths is the text of FirstPaths, with the number of further ones.
func Paths(paths []string) string {
	text, more := FirstPaths(paths)
	if more > 0 {
		return fmt.Sprintf("%s and %d more", text, more)
	}
	return text
}
