package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// The kinds of an *Error; test with errors.Is.
var (
	// ErrNotFound: it does not exist, or this token may not see it.
	ErrNotFound = errors.New("not found at the forge")
	// ErrExists: it exists already, with other content.
	ErrExists = errors.New("already exists at the forge")
	// ErrDenied: the token is not valid, or may not do this; Error.Missing names the missing right.
	ErrDenied = errors.New("denied by the forge")
	// ErrMismatch: the forge said that it had stored something, and holds something else or nothing.
	ErrMismatch = errors.New("different content at the forge")

	ErrToken       = httpx.ErrCredentials // the token cannot be read; the forge was not asked
	ErrUnreachable = httpx.ErrUnreachable // no answer, or not in time, or the connection broke again and again
	ErrFaulty      = httpx.ErrFaulty      // the forge fails itself (5xx) or is too busy (429), again and again
	ErrRejected    = httpx.ErrRejected    // the forge refuses the request, or gives an unexpected response
	ErrContent     = httpx.ErrContent     // the content to send cannot be read, or has another size than stated
)

// Error is a failed operation at a forge. It holds no token and no query of a URL.
type Error struct {
	Kind    error  // one of the Err values above
	Forge   string // its address
	What    string // the operation, as in "upload docs/v1.0.0/docs.tar.gz"
	Status  int    // of HTTP; 0 without an answer
	Problem string // the end of a sentence that begins with the forge
	Missing string // with ErrDenied: the right, as in "scope write:package"; else ""
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

// Hint is the advice.
func (e *Error) Hint() string { return e.Advice }

// fail makes an error from a kind, an operation, a problem and an advice, without a cause.
func (c *Client) fail(kind error, what, problem, advice string) *Error {
	return &Error{Kind: kind, Forge: c.base.String(), What: what, Problem: problem, Advice: advice}
}

// explain makes an *Error of a failed call. An error of ctx is returned unchanged.
func (c *Client) explain(ctx context.Context, q call, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", q.what, context.Cause(ctx))
	}
	f := c.caller.Explain(err)
	e := c.fail(f.Kind, q.what, f.Problem, f.Advice) // without the cause, which may hold URLs
	e.Status = f.Status
	var token *httpx.CredentialsError
	var answer *httpx.StatusError
	if errors.As(err, &token) {
		e.err = token.Err
	}
	errors.As(err, &answer)
	switch f.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		c.explainDenial(ctx, e, q, answer, f.Said)
	case http.StatusNotFound:
		e.Kind, e.Problem = ErrNotFound, "cannot find it, or this token may not read it"+f.Said
		e.Advice = "check the owner, the names and the token's rights"
	case http.StatusConflict:
		e.Kind, e.Problem = ErrExists, "already has it"+f.Said
	case http.StatusRequestEntityTooLarge:
		e.Problem = "refuses this size" + f.Said
		e.Advice = "check the owner's quota, and the size limits of the forge and of a proxy in front of it"
	default:
		if e.Kind == ErrRejected && f.Status/100 != 3 {
			e.Advice = "check the names, and that the address is a Forgejo or Gitea without a login page in front of it"
		}
	}
	return e
}
