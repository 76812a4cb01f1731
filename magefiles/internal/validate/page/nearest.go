package page

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxNames and maxName limit the work of Nearest.
const (
	maxNames = 5000
	maxName  = 100
)

// Names are the valid names of something.
type Names []struct{ name, slug string }

// NewNames prepares names for Nearest. It leaves out long names, and keeps none of more than maxNames.
func NewNames(names []string) Names {
	var n Names
	if len(names) > maxNames {
		return n
	}
	names = slices.Clone(names)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if len(name) <= maxName {
			n = append(n, struct{ name, slug string }{name, Slug(name)})
		}
	}
	return n
}

// Nearest is the name that is most similar to a misspelled one, the first in order among equals; "" if none is similar.
func (n Names) Nearest(name string) string {
	if len(name) > maxName {
		return ""
	}
	slug := Slug(strings.TrimSpace(name))
	best, found := len([]rune(slug))/3+1, ""
	for _, other := range n {
		// A character has up to four bytes.
		if 4*best <= len(slug)-len(other.slug) || 4*best <= len(other.slug)-len(slug) {
			continue
		}
		if distance := levenshtein.ComputeDistance(slug, other.slug); distance < best {
			best, found = distance, other.name
		}
	}
	return found
}
