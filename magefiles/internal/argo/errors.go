package argo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// What an *Error is about; test with errors.Is.
var (
	// ErrToken: there is no token to be had. Argo CD was not asked.
	ErrToken = errors.New("no token for Argo CD")
	// ErrUnauthorized: the token is unknown, expired or revoked (401).
	ErrUnauthorized = errors.New("token is not accepted by Argo CD")
	// ErrDenied: the account lacks a right, or there is no such Application: Argo CD does not tell which.
	ErrDenied = errors.New("denied by Argo CD")
	// ErrWindow: a sync window forbids to sync now.
	ErrWindow = errors.New("blocked by a sync window")
	// ErrUnsupported: an Application of a sort that is not handled here, such as one with several sources.
	ErrUnsupported = errors.New("unsupported sort of Application")
	// ErrRevision: what the Application follows can never be a revision with the commit.
	ErrRevision = errors.New("another revision is followed")
	// ErrCompare: Argo CD cannot work out what is to be deployed: it cannot read the repository, or the manifests do not build.
	ErrCompare = errors.New("nothing to compare with")
	// ErrSyncFailed: the cluster, or Argo CD itself, refused to apply the commit.
	ErrSyncFailed = errors.New("sync failed")
	// ErrPrune: all that is left to do is to delete what the repository no longer has, which is not allowed.
	ErrPrune = errors.New("pruning is needed")
	// ErrTimeout: the commit is not deployed and healthy in time.
	ErrTimeout = errors.New("not deployed in time")
	// ErrUnreachable: nothing answers, or the connection broke again and again.
	ErrUnreachable = errors.New("cannot reach Argo CD")
	// ErrFaulty: Argo CD, or what stands before it, fails itself (5xx), again and again.
	ErrFaulty = errors.New("failure of Argo CD")
	// ErrRejected: another refusal, or an answer that is not Argo CD's.
	ErrRejected = errors.New("rejected by Argo CD")

	// errBusy: another operation runs. Argo CD has no queue.
	errBusy = errors.New("another operation is in progress")
)

// Error is what Argo CD, or the way to it, did. Its text is bounded, and holds no token.
type Error struct {
	Kind      error // one of the Err values above
	Server    string
	App       string // "" if it is about none
	Problem   string // what happened, a clause of its own
	Resources []Resource

	hint      string
	status    int
	temporary bool
	own       bool // Argo CD itself explains its 500, so that trying often is of little use
	down      bool // no connection was made
	err       error
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

// Hint says what to run or to set; "" if there is nothing.
func (e *Error) Hint() string { return e.hint }

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.err}
}

// fail fills in who it is about.
func (c *Client) fail(app string, e *Error) *Error {
	e.Server, e.App = c.server(), app
	return e
}

func noToken(err error) *Error {
	return &Error{
		Kind: ErrToken, Problem: "its token cannot be had: " + oneLine(err.Error()), err: err,
		hint: "make one with «argocd account generate-token --account NAME», and set where it is read from",
	}
}

// unanswered explains an error of the way to Argo CD.
func (c *Client) unanswered(r request, err error) error {
	e := &Error{Kind: ErrUnreachable, hint: "check that it runs, and its address", err: err, temporary: true}
	refused, untrusted := trust.Refused(err)
	var record tls.RecordHeaderError
	var op *net.OpError
	var wrong *net.DNSError
	var led *redirectError
	switch {
	case errors.As(err, &led):
		e.Kind, e.Problem, e.temporary = ErrRejected, c.clean(led.Error())+", where the token is not sent", false
		e.hint = "set Argo CD's address to the one that answers itself, and check that no login page is in front of it"
	case errors.Is(err, errTooLarge):
		e.Kind, e.Problem, e.temporary, e.hint = ErrRejected, err.Error(), false, "check the address"
	case untrusted:
		e.Problem, e.temporary, e.hint = "its certificate is refused: "+c.clean(refused.Problem), false, refused.Do
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		e.Problem, e.temporary, e.hint = "it does not speak TLS: "+c.clean(cause(err)), false, "check its address, and whether it is http or https"
	case errors.As(err, &wrong):
		e.Problem, e.down = "its name is not known: "+c.clean(wrong.Error()), true
	case errors.As(err, &op) && op.Op == "dial":
		e.Problem, e.down = "nothing answers: "+c.clean(cause(err)), true
	case errors.Is(err, context.DeadlineExceeded):
		e.Problem = "there is no answer in time"
	case strings.Contains(err.Error(), "unsupported protocol scheme"), strings.Contains(err.Error(), "no Host in request URL"), isParse(err):
		e.Kind, e.Problem, e.temporary = ErrRejected, "its address is none", false
		e.hint = "set it like https://argocd.example.org"
	default:
		e.Problem = "the connection broke: " + c.clean(cause(err))
	}
	return c.fail(r.app, e)
}

func isParse(err error) bool {
	var u *url.Error
	return errors.As(err, &u) && u.Op == "parse"
}

// cause is an error of net/http without the request's method and URL.
func cause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// refusal explains an answer that is no success: JSON with a message and a code of gRPC if it is Argo CD's, anything else if it is that of
// a proxy before it.
func (c *Client) refusal(r request, status int, answer []byte) error {
	var said struct {
		Message string `json:"message"`
		Code    int    `json:"code"`
	}
	if json.Unmarshal(answer, &said) != nil {
		said.Message = ""
	}
	says := c.clean(said.Message)
	e := &Error{Kind: ErrRejected, status: status, Problem: fmt.Sprintf("it answers %d %s", status, http.StatusText(status))}
	if says != "" {
		e.Problem += " (" + says + ")"
	}
	switch {
	case strings.Contains(says, "another operation is already in progress"):
		e.Kind, e.Problem = errBusy, "another operation is in progress"
	case status == http.StatusUnauthorized:
		e.Kind, e.Problem = ErrUnauthorized, "the token is not accepted: it is expired, revoked, or not of this Argo CD"
		e.hint = "make a new one with «argocd account generate-token --account NAME», and put it where the old one is"
	case strings.Contains(says, "sync window"):
		e.Kind = ErrWindow
	case status == http.StatusForbidden, status == http.StatusNotFound:
		e.Kind = ErrDenied
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status == http.StatusInternalServerError,
		status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		e.Kind, e.temporary = ErrFaulty, true
		e.own = status == http.StatusInternalServerError && says != ""
		e.hint = "look into the log of argocd-server, then run this again: it goes on where it stopped"
	}
	return c.fail(r.app, e)
}

func temporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.temporary
}

func isDown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.down
}

// clean makes foreign text fit for an error: without the token, on one line, bounded.
func (c *Client) clean(text string) string {
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	if token != "" {
		text = strings.ReplaceAll(plain.Line(text), token, "***")
	}
	return oneLine(text)
}
