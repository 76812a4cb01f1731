package gitops

import "context"

// Contains reports whether a revision, a whole hash, is the wanted commit or comes after it.
type Contains = func(ctx context.Context, revision string) (bool, error)

// Deployer deploys the branch's manifests.
type Deployer interface {
	// Check checks that a deployment could be started, and starts none.
	Check(context.Context) error
	// State reports whether a revision with the commit is deployed and healthy, or why not.
	State(ctx context.Context, commit string, contains Contains) (deployed bool, why string, err error)
	// Deploy deploys the branch, and returns when a revision with the commit is deployed and healthy.
	Deploy(ctx context.Context, commit string, contains Contains) error
}
