//go:build mage

package main

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// Docs writes the changelog of the documentation's releases.
type Docs mg.Namespace

// Changelog writes the section of a version into the changelog, from the fragments, which it removes.
//
// It reads towncrier's configuration (towncrier.toml, or pyproject.toml) and writes what
// towncrier would. A file among the fragments that would be lost stops it: one in a
// subfolder, of an unknown type, without text. Only the working tree changes; nothing is
// committed. A run that was interrupted is finished by the same command.
//
// VERSION is vX.Y.Z or X.Y.Z, and written with a v or without, as in the section before.
//
//	mage docs:changelog v1.14.0 -draft
//	mage docs:changelog v1.14.0 -date=2026-03-08
func (Docs) Changelog(ctx context.Context, version string,
	date *string, // of the release, as in 2026-03-08; default: today in the site's time zone
	draft *bool, // print the section, and write nothing
	format *string, // text (default) or json
) error {
	given := task.ChangelogArgs{Version: version, Date: value(date)}
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		noted, err := r.changelog(ctx, given, value(draft))
		return r.result(noted, err)
	})
}
