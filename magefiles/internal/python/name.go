package python

import (
	"regexp"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Name is the name of a Python project as pyproject.toml writes it, such as My_Package.
type Name string

// maxName is far above real names. The name is part of file names, which most file systems limit to 255 bytes.
const maxName = 100

// nameForm is the form of a name, from PEP 508.
var nameForm = regexp.MustCompile(`^(?i:[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$`)

// ParseName accepts ASCII letters, digits and inner `.`, `_` and `-`. The error is an *image.InvalidError.
func ParseName(s string) (Name, error) {
	reason := "expected ASCII letters, digits, and . _ - between them"
	switch {
	case s == "":
		reason = "is empty; `package:list` shows the names"
	case strings.HasPrefix(s, "-"):
		reason = "looks like a flag; flags come after the positional arguments"
	case len(s) > maxName:
		reason = "is longer than 100 characters"
	case isASCII(s) && nameForm.MatchString(s):
		return Name(s), nil
	}
	return "", &image.InvalidError{What: "name of a Python package", Input: s, Reason: reason}
}

// isASCII rules out the letters that Unicode folds into ASCII ones.
func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f })
}

var separators = regexp.MustCompile(`[-_.]+`)

// Normalized is the name by which an index knows the project (PEP 503): My_Package and my.package are both my-package.
func (n Name) Normalized() string {
	return strings.ToLower(separators.ReplaceAllString(string(n), "-"))
}
