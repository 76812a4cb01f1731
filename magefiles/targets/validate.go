package targets

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Validate checks all files of the repository, offline.
//
// It reads the files that git tracks, and those that the next `git add` would
// add: links and style of the docs, changelog fragments, containers and
// Dockerfiles, workflows, Kubernetes manifests, versions that must agree,
// secrets. It requires no engine and no network; only -fix
// asks for the commits and digests that it writes. docs/reference/checks.md
// explains each check.
//
// It prints one line for each finding, PATH:LINE:COLUMN: MESSAGE [CHECK/RULE],
// and the remedy. The exit status is 0 without findings or with warnings alone,
// 1 with findings, 2 if a check could not run.
//
// A file .validate-baseline.json has the findings of an existing repository that
// were accepted with -baseline=write: only new findings fail then.
//
//	mage validate
//	mage validate -only=links,markdown
//	mage validate -since=main
//	mage validate -format=sarif > findings.sarif
//	mage validate -baseline=write
//	mage validate -fix
func Validate(ctx context.Context,
	only *string, // names of checks, such as links,workflows; default: all
	since *string, // revision: checks of single files read only files changed since then
	fix *bool, // correct what needs no decision, such as spaces at line ends and untrusted text in scripts
	baseline *string, // write: accept today's findings; none: report all; or a file; default: .validate-baseline.json, if it exists
	format *string, // text (default), json, sarif or github
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		return a.Validate(ctx, tasks.ValidateArgs{Only: value(only), Since: value(since), Fix: value(fix), Baseline: value(baseline)})
	}, reports)
}
