package argo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Access describes the token that may deploy an Application.
type Access struct {
	Account string // account of the token; "" if Argo CD does not say
	State   State
}

// Preflight checks that Deploy could deploy an Application now: the token may see it and sync it, no sync window forbids it, and its kind is
// supported. It changes nothing. The error is an *Error, or why ctx ended.
func (c *Client) Preflight(ctx context.Context, app string) (Access, error) {
	a, err := c.read(ctx, app)
	if err != nil {
		return Access{}, err
	}
	may, err := c.allowed(ctx, a, "sync")
	if err != nil {
		return Access{}, err
	}
	if !may {
		return Access{}, c.denied(ctx, a, "sync", nil)
	}
	if err := c.open(ctx, a); err != nil {
		return Access{}, err
	}
	access := Access{Account: c.account(ctx), State: a.state()}
	if access.Account == nobody {
		access.Account = ""
	}
	return access, nil
}

// notVisible explains that an Application cannot be read.
func (c *Client) notVisible(ctx context.Context, app string, cause *Error) error {
	return c.fail(app, &Error{
		Kind: ErrDenied, err: cause,
		Problem: "not found, or the token may not read it: Argo CD answers the same in both cases",
		hint: fmt.Sprintf("check the name, then add to policy.csv of argocd-rbac-cm: p, %s, applications, get, PROJECT/%s, allow",
			c.account(ctx), app),
	})
}

// denied explains that a right is missing.
func (c *Client) denied(ctx context.Context, a *application, action string, cause *Error) error {
	e := &Error{
		Kind: ErrDenied, Problem: "the token may read it, but not " + action + " it",
		hint: fmt.Sprintf("add to policy.csv of argocd-rbac-cm: p, %s, applications, %s, %s/%s, allow",
			c.account(ctx), action, plain.OneLine(a.project()), a.Metadata.Name),
	}
	if cause != nil {
		e.err = cause
	}
	return c.fail(a.Metadata.Name, e)
}

func denialOf(err error) *Error {
	var e *Error
	if errors.As(err, &e) && e.Kind == ErrDenied {
		return e
	}
	return nil
}

// open is an error if a sync window forbids a sync of the Application now.
func (c *Client) open(ctx context.Context, a *application) error {
	var w windows
	path := "applications/" + a.Metadata.Name + "/syncwindows"
	if err := c.ask(ctx, get(a.Metadata.Name, path), &w); err != nil {
		return err
	}
	if w.CanSync == nil || *w.CanSync { // without a statement, the sync decides
		return nil
	}
	return c.closed(ctx, a, w)
}

// blocked explains that Argo CD refused a sync because of a window.
func (c *Client) blocked(ctx context.Context, a *application) error {
	err := c.open(ctx, a)
	if err == nil { // it opened meanwhile, or is invalid
		err = c.closed(ctx, a, windows{})
	}
	return err
}

func (c *Client) closed(ctx context.Context, a *application, w windows) error {
	list, zones := w.Assigned, false
	if len(list) > 0 {
		list, zones = c.zoned(ctx, a, list)
	}
	problem := "a sync window of project " + plain.OneLine(a.project()) + " forbids a sync now"
	if opens, ok := opening(list, time.Now()); ok {
		problem += ", until " + opens.Format("Mon 2 Jan 15:04 MST")
		if !zones {
			problem += " if its time zone is UTC; reading the time zone requires the right to get the project"
		}
	}
	if names := describe(list, time.Now()); names != "" {
		problem += ": " + names
	}
	return c.fail(a.Metadata.Name, &Error{
		Kind: ErrWindow, Problem: problem,
		hint: "run this again once it is open, or allow manual syncs in the window (manualSync: true)",
	})
}
