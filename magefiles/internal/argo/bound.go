package argo

import (
	"context"
	"net/url"
	"time"
)

// Application is one Application of Argo CD, for deployments.
type Application struct {
	Client  *Client
	Name    string
	Timeout time.Duration // of a deployment; 0 is 5 minutes
	Tell    func(line string)
}

// String begins as the client's errors do.
func (a Application) String() string {
	host := a.Client.BaseURL
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	return "Argo CD " + host + ": application " + a.Name
}

// Check checks that a deployment could be started, and starts none.
func (a Application) Check(ctx context.Context) error {
	_, err := a.Client.Preflight(ctx, a.Name)
	return err
}

// Look makes the same check, and returns the health in Argo CD's term, and why the Application cannot be compared; "" if it can.
func (a Application) Look(ctx context.Context) (health, trouble string, err error) {
	access, err := a.Client.Preflight(ctx, a.Name)
	return access.State.Health, access.State.Trouble, err
}

// State reports whether a revision with the commit is deployed and healthy, or why not.
func (a Application) State(ctx context.Context, commit string, contains func(context.Context, string) (bool, error)) (deployed bool, why string, err error) {
	deployed, says, err := a.Client.Deployed(ctx, a.Name, Want{Commit: commit, Contains: contains})
	return deployed, "Argo CD reports for " + a.Name + ": " + says, err
}

// Deploy deploys the branch, and returns when a revision with the commit is deployed and healthy.
func (a Application) Deploy(ctx context.Context, commit string, contains func(context.Context, string) (bool, error)) error {
	_, err := a.Client.Deploy(ctx, a.Name, Want{
		Commit: commit, Contains: contains, Timeout: a.Timeout, Progress: func(p Progress) { a.Tell(p.String()) },
	})
	return err
}
