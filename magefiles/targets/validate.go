package targets

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Validate looks at the whole repository for what a reviewer or a pipeline would have caught later.
//
// Every check runs over the files that git tracks or would with the next git add: links
// and style of the docs, changelog fragments, containers and their Dockerfiles, workflows,
// Kubernetes manifests, versions that have to agree, secrets. docs/reference/checks.md
// explains each. No engine is needed and no network.
//
// Prints a line for each finding, PATH:LINE:COLUMN: MESSAGE [CHECK/RULE], and what to do.
// The exit status is 0 without findings, 1 with, and 2 where a check could not run.
//
//	mage validate
//	mage validate -only=links,markdown
//	mage validate -since=main
//	mage validate -format=sarif > findings.sarif
func Validate(ctx context.Context,
	only *string, // names of checks, as in links,workflows; default: all
	since *string, // revision: what depends on one file alone is looked for only in files changed since then
	format *string, // text (default), json, sarif or github
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.Validate(ctx, value(only), value(since))
	}, reports)
}
