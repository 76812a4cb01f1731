package target

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// A Target is a target of the mage command line.
type Target struct {
	// Name is the name that `mage -l` prints: container:publish.
	Name string
	// Positional are its arguments in order, Flags the parameters that follow them as -name=value.
	Positional, Flags []Param
}

// A Param is a parameter of a target.
type Param struct {
	Name string
	Type string // string, int, float64, bool or time.Duration
}

// Set is all targets of a repository.
type Set struct {
	targets map[string]Target // by the name in lower case; aliases too
	// Open says that some targets could not be read: those of a mage:import from another module.
	Open bool
}

// Find is the target with a name or alias, ignoring case.
func (s *Set) Find(name string) (Target, bool) {
	t, ok := s.targets[strings.ToLower(name)]
	return t, ok
}

// All are the targets by name, without aliases.
func (s *Set) All() []Target {
	byName := map[string]Target{}
	for _, t := range s.targets {
		byName[t.Name] = t
	}
	all := make([]Target, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, byName[name])
	}
	return all
}

// Nearest is the name that was probably meant, or "" if none is close.
func (s *Set) Nearest(name string) string {
	var names []string
	for key, t := range s.targets {
		if strings.EqualFold(key, t.Name) {
			key = t.Name
		}
		names = append(names, key)
	}
	return Nearest(name, names)
}

// Nearest is the one of names that differs from name in at most a third of its letters, or "".
func Nearest(name string, names []string) string {
	if len(name) > 100 {
		return ""
	}
	best, least := "", max(1, len(name)/3)+1
	for _, candidate := range slices.Sorted(slices.Values(names)) {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	return best
}
