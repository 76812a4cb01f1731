package secret

import "fmt"

// State is the result of reading a secret.
type State string

// The states of a secret.
const (
	OK          State = "ok"          // read, and not empty
	Missing     State = "missing"     // there is no such variable, file, vault, item or field
	Empty       State = "empty"       // it exists and is empty
	Unreadable  State = "unreadable"  // it exists and cannot be used: permissions, not text, too large, ambiguous
	Unreachable State = "unreachable" // no connection to 1Password, or it refused the request
)

// Error says why one reference could not be read.
type Error struct {
	Reference Reference
	State     State
	Err       error
	hint      string
}

func (e *Error) Error() string { return fmt.Sprintf("secret %s: %v", e.Reference.label(), e.Err) }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about it, "" if unknown.
func (e *Error) Hint() string {
	if e.hint == "" && e.Reference.variable != "" {
		return "or set " + e.Reference.variable + " to the value"
	}
	return e.hint
}

// problem is an Error without its reference.
type problem struct {
	state State
	hint  string
	err   error
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

func problemf(state State, hint, format string, args ...any) *problem {
	return &problem{state: state, hint: hint, err: fmt.Errorf(format, args...)}
}
