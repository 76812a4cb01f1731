package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Docs builds and releases the site of docs/, with its changelog.
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
	given := tasks.ChangelogArgs{Version: version, Date: value(date)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		noted, err := a.Changelog(ctx, given, value(draft))
		return a.Result(noted, err)
	})
}

// Build makes the site of docs/ and packs it into docs-VERSION.tar.gz.
//
// Quartz makes it, at the commit that site.go names, with the quartz.config.ts and the
// quartz.layout.ts of docs/; the rest of docs/ is the pages. If docs/ is an npm package
// instead (Docusaurus and others), its script «build» does. Either runs in a container;
// only npm ci uses the network. Pages get their dates from git's history, unless their
// frontmatter states them.
//
// The same docs at the same commit give the same archive, byte for byte. What is built is
// the working tree, with the commit's time. Prints the file and its checksum.
//
//	mage docs:build
//	mage docs:build -version=v1.14.0
//	mage docs:build -source=../quartz -output=preview.tar.gz
func (Docs) Build(ctx context.Context,
	version *string, // vX.Y.Z, dev or test, which the site states in release.json; default: dev
	source *string, // of Quartz, DIR or URL#REF; default: the site's
	output *string, // FILE.tar.gz; default: docs-VERSION.tar.gz
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.DocsArgs{Version: value(version), Source: value(source), Output: value(output)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		built, err := a.BuildDocs(ctx, value(engine), given)
		return a.Result(built, err)
	})
}

// Serve serves a built site on this machine, as the container quartz does.
//
// Nobody else can reach it: it listens on 127.0.0.1. Prints its address, and ends with
// Ctrl-C.
//
//	mage docs:build && mage docs:serve
//	mage docs:serve -archive=docs-v1.14.0.tar.gz -port=8080
func (Docs) Serve(ctx context.Context,
	archive *string, // FILE.tar.gz; default: docs-dev.tar.gz
	port *int, // default: one that is free
) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error {
		return a.ServeDocs(ctx, value(archive), value(port))
	})
}

// Release makes the docs public as a version: patch, minor, major, or vX.Y.Z.
//
// The site is built and uploaded to the forge; one commit has the section of the
// changelog and the manifest that names what was uploaded, and the tag of the version is
// on it. The forge announces it, Argo CD deploys it, and the site is asked for it.
//
// It is made of what the forge's main branch has. Interrupted anywhere, by anything, the
// same command run again finishes it. With nothing new to release it says so and
// succeeds. BUMP_PATCH and its like are understood, too.
//
//	mage docs:release patch -dryrun
//	mage docs:release v1.14.0
func (Docs) Release(ctx context.Context, version string,
	dryrun *bool, // show all of it, with the changes to files, and write nothing
	new *bool, // release even if there is nothing new
	date *string, // of the release, as in 2026-03-08; default: today in the site's time zone
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.ReleaseArgs{Version: version, Date: value(date), New: value(new)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		released, err := a.ReleaseDocs(ctx, value(engine), given, value(dryrun))
		return a.Result(released, err)
	})
}

// Rollback deploys an older version of the docs again.
//
// One commit has the manifest name the package of that version, and Argo CD deploys it.
// Nothing is built, and no tag moves. The next release is made as ever; the newest version
// comes back by its own name.
//
//	mage docs:rollback v1.13.0 -dryrun
//	mage docs:rollback v1.13.0
func (Docs) Rollback(ctx context.Context, version string,
	dryrun *bool, // show all of it, with the change to the manifest, and write nothing
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		back, err := a.RollBackDocs(ctx, version, value(dryrun))
		return a.Result(back, err)
	})
}
