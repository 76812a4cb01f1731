package forge

import (
	"errors"
	"fmt"
)

// What an *Error is about; test with errors.Is.
var (
	// ErrNotFound: it is not there, or this token may not see it.
	ErrNotFound = errors.New("forge does not have it")
	// ErrExists: it is there already, and is something else.
	ErrExists = errors.New("forge has it already")
	// ErrDenied: the token is not valid, or may not do this; Error.Lacks says which right lacks.
	ErrDenied = errors.New("forge denies it")
	// ErrToken: the token cannot be had; the forge was not asked.
	ErrToken = errors.New("forge's token cannot be had")
	// ErrUnreachable: nothing answers, or not in time, or the connection broke again and again.
	ErrUnreachable = errors.New("forge is not reachable")
	// ErrFaulty: the forge fails itself (5xx) or is too busy (429), again and again.
	ErrFaulty = errors.New("forge is faulty")
	// ErrRejected: the forge does not take what it was asked or given, or gives an answer that makes no sense.
	ErrRejected = errors.New("forge rejects it")
	// ErrMismatch: the forge said that it had stored something, and holds something else or nothing.
	ErrMismatch = errors.New("forge holds something else")
	// ErrContent: what was to be sent cannot be read, or has another size than stated.
	ErrContent = errors.New("content cannot be read")
)

// Error is what a forge, or the way to it, did to one operation. It holds no token and no query of a URL.
type Error struct {
	Kind    error  // one of the Err values above
	Forge   string // its address
	What    string // the operation, as in «upload docs/v1.0.0/docs.tar.gz»
	Status  int    // of HTTP; 0 without an answer
	Problem string // the end of a sentence that begins with the forge
	Lacks   string // with ErrDenied: the right, as in «scope write:package»; else ""
	Advice  string // what to do
	err     error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s %s", e.What, e.Forge, e.Problem) }

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.err}
}

// Hint is what to do.
func (e *Error) Hint() string { return e.Advice }

// fail is an error that no answer said in so many words.
func (c *Client) fail(kind error, what, problem, advice string) *Error {
	return &Error{Kind: kind, Forge: c.base.String(), What: what, Problem: problem, Advice: advice}
}
