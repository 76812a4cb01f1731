package argo

import (
	"errors"
	"net/http"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// The kinds of an *Error; test with errors.Is.
var (
	// ErrUnauthorized: the token is unknown, expired or revoked (401).
	ErrUnauthorized = errors.New("token is not accepted by Argo CD")
	// ErrDenied: the account does not have a right, or there is no such Application: Argo CD does not say which.
	ErrDenied = errors.New("denied by Argo CD")
	// ErrWindow: a sync window forbids a sync now.
	ErrWindow = errors.New("blocked by a sync window")
	// ErrUnsupported: a kind of Application that is not supported, such as one with several sources.
	ErrUnsupported = errors.New("unsupported kind of Application")
	// ErrRevision: the Application follows a revision that can never contain the commit.
	ErrRevision = errors.New("the Application follows another revision")
	// ErrCompare: Argo CD cannot compute the manifests: it cannot read the repository, or the manifests do not build.
	ErrCompare = errors.New("cannot compare the Application")
	// ErrSyncFailed: the cluster, or Argo CD itself, refused to apply the commit.
	ErrSyncFailed = errors.New("sync failed")
	// ErrPrune: the remaining resources are no longer in the repository, and deleting them is not allowed.
	ErrPrune = errors.New("pruning is required")
	// ErrTimeout: the commit is not deployed and healthy in time.
	ErrTimeout = errors.New("not deployed in time")

	ErrToken       = httpx.ErrCredentials // there is no token, or it cannot be read; Argo CD was not asked
	ErrUnreachable = httpx.ErrUnreachable // no answer, or the connection broke again and again
	ErrFaulty      = httpx.ErrFaulty      // Argo CD, or a proxy in front of it, fails itself (5xx), again and again
	ErrRejected    = httpx.ErrRejected    // another refusal, or an answer that is not Argo CD's

	// errBusy: another operation runs. Argo CD has no queue.
	errBusy = errors.New("another operation is in progress")
)

// Error is a failed operation at Argo CD. Its text is bounded, and holds no token.
type Error struct {
	Kind      error // one of the Err values above
	Server    string
	App       string // "" if it concerns none
	Problem   string // what happened, as a clause
	Resources []Resource

	hint string
	err  error
}

// Error implements error.
func (e *Error) Error() string {
	text := "Argo CD " + e.Server + ": "
	if e.App != "" {
		text += "application " + e.App + ": "
	}
	text += e.Problem
	if len(e.Resources) > 0 {
		text += ": " + list(e.Resources)
	}
	return text
}

// Hint says what to run or set; "" if there is nothing.
func (e *Error) Hint() string { return e.hint }

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.err}
}

// fail sets the server and the Application of an error.
func (c *Client) fail(app string, e *Error) *Error {
	e.Server, e.App = c.server(), app
	return e
}

// failed explains a failed request. The answers of Argo CD hold a message and a gRPC code.
func (c *Client) failed(r request, err error) error {
	f := c.caller().Explain(err)
	e := &Error{Kind: f.Kind, Problem: "it " + f.Problem, hint: f.Advice, err: err}
	switch {
	case f.Kind == ErrToken:
		e.hint = "create one with `argocd account generate-token --account NAME`, and set its secret reference"
	case strings.Contains(f.Said, "another operation is already in progress"):
		e.Kind, e.Problem = errBusy, "another operation is in progress"
	case f.Status == http.StatusUnauthorized:
		e.Kind, e.Problem = ErrUnauthorized, "the token is not accepted: it is expired, revoked, or from another Argo CD"
		e.hint = "create a new one with `argocd account generate-token --account NAME`, and replace the old one"
	case strings.Contains(f.Said, "sync window"):
		e.Kind = ErrWindow
	case f.Status == http.StatusForbidden, f.Status == http.StatusNotFound:
		e.Kind = ErrDenied
	}
	return c.fail(r.app, e)
}

// explained reports whether Argo CD itself explains its 500, so that retries are of little use.
func explained(err error) bool {
	var answer *httpx.StatusError
	return errors.As(err, &answer) && answer.API && answer.Status == http.StatusInternalServerError
}
