package image

import (
	"regexp"
	"strings"
)

// Name is the name of a container: of its folder under containers/ and of its repository in the
// registry.
type Name string

// maxName is the longest name, that of a DNS label: names also serve as host names.
const maxName = 63

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// ParseName accepts lower case letters, digits and inner hyphens, up to 63 of them.
// The error is an *InvalidError.
func ParseName(s string) (Name, error) {
	if nameForm.MatchString(s) && len(s) <= maxName {
		return Name(s), nil
	}
	return "", &InvalidError{What: "container name", Input: s, Reason: nameReason(s)}
}

func nameReason(s string) string {
	switch {
	case s == "":
		return "is empty; `container:list` shows the names"
	case strings.HasPrefix(s, "-"):
		return "looks like a flag; flags come after the positional arguments: `container:build nettest " + s + "`"
	case strings.Contains(s, "/"), strings.Contains(s, ".."):
		return "is a path; give only the name of a folder below containers/"
	case strings.ToLower(s) != s:
		return "has upper case letters; registries require lower case"
	case len(s) > maxName:
		return "is longer than 63 characters"
	default:
		return "expected lower case letters, digits and inner hyphens"
	}
}
