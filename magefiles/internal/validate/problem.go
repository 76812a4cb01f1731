package validate

import (
	"errors"
	"io/fs"
	"unicode/utf8"
)

// Problem says why Text returns no text for a file: a rule of the check files, and a message. Both are "" if it does, or if the file is
// binary.
func (t *Tree) Problem(name string) (rule, message string) {
	raw, err := t.read(name)
	var failed *fs.PathError
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errDense):
		return "large", err.Error()
	case errors.Is(err, errFolder):
		return "", "" // a link to a folder, a submodule
	case err != nil && !utf8.ValidString(name):
		return "unreadable", "cannot be read: its name is not UTF-8"
	case errors.As(err, &failed):
		return "unreadable", "cannot be read: " + failed.Err.Error()
	case err != nil:
		return "unreadable", "cannot be read: " + err.Error()
	case isText(raw) && !utf8.Valid(raw):
		return "encoding", "is not UTF-8"
	}
	return "", ""
}
