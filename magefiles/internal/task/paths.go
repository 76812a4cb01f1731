package task

import (
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// shownPaths is the number of paths that a message names.
const shownPaths = 3

// firstPaths are the first of many paths, for a line that people read: a path that could hide a message is quoted.
func firstPaths(paths []string) string {
	var names []string
	for _, p := range paths[:min(shownPaths, len(paths))] {
		names = append(names, plain.Name(p))
	}
	return strings.Join(names, ", ")
}

// somePaths is firstPaths, with the number of further ones.
func somePaths(paths []string) string {
	if more := len(paths) - shownPaths; more > 0 {
		return fmt.Sprintf("%s and %d more", firstPaths(paths), more)
	}
	return firstPaths(paths)
}
