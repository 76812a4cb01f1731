package task

import (
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// shownPaths is the number of paths that a message names.
const shownPaths = 3

// firstPaths are the first of many paths, for a line that people read, and the number of the others. A path that could hide a message is quoted.
func firstPaths(paths []string) (text string, more int) {
	shown := paths[:min(shownPaths, len(paths))]
	names := make([]string, len(shown))
	for i, p := range shown {
		names[i] = plain.Name(p)
	}
	return strings.Join(names, ", "), len(paths) - len(shown)
}

// somePaths is the text of firstPaths, with the number of further ones.
func somePaths(paths []string) string {
	text, more := firstPaths(paths)
	if more > 0 {
		return fmt.Sprintf("%s and %d more", text, more)
	}
	return text
}
