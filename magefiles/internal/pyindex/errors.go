package pyindex

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// Error is a failed operation at an index. It holds no token and no query of a URL.
type Error struct {
	Kind    error  // of httpx, or ErrExists or ErrDenied
	Index   string // its address
	What    string // the operation
	Problem string // the end of a sentence that begins with the index
	Advice  string // what to do
	err     error
}

// The kinds of an *Error in addition to those of httpx.
var (
	ErrExists = python.ErrStored
	ErrDenied = errors.New("denied by the index")
)

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s %s", e.What, e.Index, e.Problem) }

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.err}
}

// Hint says what to do.
func (e *Error) Hint() string { return e.Advice }

// explain makes an *Error of a failed request. An error of ctx is returned unchanged.
func (c *Client) explain(ctx context.Context, what, address string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	f := c.caller.Explain(err)
	e := &Error{Kind: f.Kind, Index: httpx.Clean(address), What: what, Problem: f.Problem, Advice: f.Advice}
	var token *httpx.CredentialsError
	if errors.As(err, &token) {
		e.err = token.Err // without other causes, which may hold URLs
	}
	switch f.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Kind, e.Problem = ErrDenied, "does not allow it for this account"+f.Said
		e.Advice = c.options.Denied
	case http.StatusConflict:
		e.Kind, e.Problem = ErrExists, "already has it"+f.Said
		e.Advice = "publish the next version"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		e.Problem = "is not a package index that accepts files" + f.Said
		e.Advice = "check the setting PackageIndex, and that the index exists"
	case http.StatusRequestEntityTooLarge:
		e.Advice = "check the size limits of the index, and of a proxy in front of it"
	}
	return e
}
