package page

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxNames and maxName bound what Nearest compares.
const (
	maxNames = 5000
	maxName  = 100
)

// Names are what something may be called.
type Names []struct{ name, slug string }

// NewNames are names, of which long ones are left out. Of very many there are none.
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

// Nearest is the name that someone who wrote another one may have meant; "" if none is near. Among equals it is the first in order.
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
