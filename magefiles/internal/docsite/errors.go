package docsite

import "fmt"

// Error says that a site cannot be built from the files.
type Error struct {
	Path   string // of the file or folder, as named in the repository
	Reason string // what is wrong with it
	Do     string // advice
}

func (e *Error) Error() string { return e.Path + ": " + e.Reason }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Do }

// ExitStatus is the status for invalid input.
func (e *Error) ExitStatus() int { return 2 }

func invalid(path, do, reason string, args ...any) error {
	return &Error{Path: path, Reason: fmt.Sprintf(reason, args...), Do: do}
}
