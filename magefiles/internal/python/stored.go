package python

import (
	"errors"
	"path"
	"strings"
)

// Stored is a file that an index has of a project.
type Stored struct {
	Name   string
	SHA256 string // in lower case; "" if the index does not state it
}

// ErrStored says that an index has a file of that name already.
var ErrStored = errors.New("the index already has a file of this name")

// ParseFile reads the name of a wheel or an sdist.
func ParseFile(name string) (v Version, kind Kind, ok bool) {
	kind = Wheel
	parts := wheelName.FindStringSubmatch(name)
	if parts == nil {
		kind, parts = Sdist, sdistName.FindStringSubmatch(name)
	}
	if parts == nil {
		return Version{}, "", false
	}
	v, err := ParseVersion(strings.ReplaceAll(parts[2], "_", "-"))
	return v, kind, err == nil
}

// File is the path of the project's pyproject.toml from the root.
func (p Project) File() string { return path.Join(p.Dir, File) }
