package manifest

import (
	"errors"
	"fmt"
	"slices"
)

// The kinds of an *Error; test with errors.Is.
var (
	// ErrNone: nothing in the file matches.
	ErrNone = errors.New("not found in the manifest")
	// ErrSeveral: more than one place matches.
	ErrSeveral = errors.New("more than one match in the manifest")
	// ErrForm: the value has a form that this package does not change: an alias, a block scalar, a reference to a Secret.
	ErrForm = errors.New("in a form that cannot be changed")
	// ErrSyntax: the file is not YAML, or has a key twice.
	ErrSyntax = errors.New("invalid manifest")
)

// Error says what is wrong with a manifest, and where.
type Error struct {
	Kind    error // one of the Err values above
	File    string
	Lines   []int  // in the file, counted from 1; none if there is no place to point to
	Place   string // the place that was searched; "" if the error is about the file
	Problem string // the end of a sentence that begins with Place
	Advice  string // what to do; "" for nothing in particular
}

// Error implements error. It begins with FILE:LINE, which terminals and editors open.
func (e *Error) Error() string {
	text := e.File
	if len(e.Lines) > 0 {
		text = fmt.Sprintf("%s:%d", text, e.Lines[0])
	}
	text += ": "
	if e.Place != "" {
		text += e.Place + " "
	}
	text += e.Problem
	if len(e.Lines) > 1 {
		text += " (" + joinLines(e.Lines) + ")"
	}
	return text
}

// Unwrap makes the kind visible to errors.Is.
func (e *Error) Unwrap() error { return e.Kind }

// Hint is the advice.
func (e *Error) Hint() string { return e.Advice }

func (f File) errorAt(kind error, place Place, problem, advice string, lines ...int) *Error {
	slices.Sort(lines)
	return &Error{Kind: kind, File: f.Path, Lines: slices.Compact(lines), Place: place.String(), Problem: problem, Advice: advice}
}
