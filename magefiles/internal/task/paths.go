package task

import (
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// shownPaths is how many of many paths a message names.
const shownPaths = 3

// firstPaths are the first of many paths, for a line that people read: one that a message could be hidden in is quoted.
func firstPaths(paths []string) string {
	var names []string
	for _, p := range paths[:min(shownPaths, len(paths))] {
		names = append(names, plain.Name(p))
	}
	return strings.Join(names, ", ")
}

// somePaths is firstPaths, and how many more there are.
func somePaths(paths []string) string {
	if more := len(paths) - shownPaths; more > 0 {
		return fmt.Sprintf("%s and %d more", firstPaths(paths), more)
	}
	return firstPaths(paths)
}
