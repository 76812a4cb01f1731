package targets

import (
	"context"
	"errors"

	"github.com/magefile/mage/mg"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Docs builds and releases the website of the documentation, with its changelog.
type Docs mg.Namespace

// Changelog moves the fragments into a section of the changelog.
//
// It reads the configuration of towncrier (towncrier.toml or pyproject.toml), and
// writes the same text as towncrier. VERSION is vX.Y.Z or X.Y.Z. It is written
// like the version of the section before, with or without v.
//
// A file in the fragments folder that would be lost is an error: one in a
// subfolder, of an unknown type, or without text. Only the working tree changes.
// Nothing is committed. The same command finishes an interrupted run.
//
//	mage docs:changelog v1.14.0 -draft
//	mage docs:changelog v1.14.0 -date=2026-03-08
func (Docs) Changelog(ctx context.Context, version string,
	date *string, // date of the release, such as 2026-03-08; default: today in the setting TimeZone
	draft *bool, // print the section, write nothing
	format *string, // text (default) or json
) error {
	given := tasks.ChangelogArgs{Version: version, Date: value(date)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		noted, err := a.Changelog(ctx, given, value(draft))
		return a.Result(noted, err)
	})
}

// Build builds the website of the docs into an archive.
//
// It builds the folder of the setting Docs, from the working tree. Quartz is the
// generator, at the commit of the setting DocsSource, with the quartz.config.ts
// and quartz.layout.ts of the folder. If the folder is an npm package (Docusaurus
// and others), its script build is used instead. The generator runs in a
// container. Only `npm ci` uses the network. The date of a page is in its
// frontmatter, or is that of its last commit.
//
// The same docs at the same commit give the same archive, byte for byte. It
// prints the file and its checksum.
//
//	mage docs:build
//	mage docs:build -version=v1.14.0
//	mage docs:build -source=../quartz -output=preview.tar.gz
//	mage docs:build -interactive
func (Docs) Build(ctx context.Context,
	version *string, // vX.Y.Z, dev or test, stated in release.json; default: dev
	source *string, // source of Quartz, DIR or URL#REF; default: the setting DocsSource
	output *string, // FILE.tar.gz; default: docs-VERSION.tar.gz
	interactive *bool, // open a shell in the step that fails, on a terminal
	keep *string, // dir:DIR, a new folder for the state of the step that fails; default: none
	format *string, // text (default) or json
	engine *string, // auto (default), dagger or embedded
) error {
	given := tasks.DocsArgs{Version: value(version), Source: value(source), Output: value(output)}
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		if err := errors.Join(a.Inspect(value(interactive)), a.Keep(value(keep))); err != nil {
			return err
		}
		built, err := a.BuildDocs(ctx, value(engine), given)
		return a.Result(built, err)
	})
}

// Serve serves a built website on this machine.
//
// It serves the archive like the container quartz, until Ctrl-C. It listens on
// 127.0.0.1 only. It prints the address.
//
//	mage docs:build && mage docs:serve
//	mage docs:serve -archive=docs-v1.14.0.tar.gz -port=8080
func (Docs) Serve(ctx context.Context,
	archive *string, // FILE.tar.gz; default: docs-dev.tar.gz
	port *int, // default: a free port
) error {
	return run(ctx, "", func(ctx context.Context, a tasks.App) error {
		return a.ServeDocs(ctx, value(archive), value(port))
	})
}

// Release releases the docs: build, upload, tag, announce, deploy.
//
// VERSION is patch, minor, major (also as BUMP_PATCH and the like), vX.Y.Z or
// vX.Y.Z-PRE. It releases the content of the default branch of the forge. It:
//
//  1. builds the website and uploads it to the forge
//  2. pushes one commit with the changelog and the manifest, and its tag
//  3. announces the version at the forge
//  4. lets Argo CD deploy it, and waits until the website serves it
//
// The same command finishes an interrupted release. If there is nothing new, it
// says so and succeeds.
//
//	mage docs:release patch -dryrun
//	mage docs:release v1.14.0
func (Docs) Release(ctx context.Context, version string,
	dryrun *bool, // print each step with the changes of files, write nothing
	new *bool, // release even if there is nothing new
	date *string, // date of the release, such as 2026-03-08; default: today in the setting TimeZone
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
// One commit writes the package of that version into the manifest, and Argo CD
// deploys it. Nothing is built, and no tag moves. To go forward again, run it
// with the newest version, or release the next one.
//
//	mage docs:rollback v1.13.0 -dryrun
//	mage docs:rollback v1.13.0
func (Docs) Rollback(ctx context.Context, version string,
	dryrun *bool, // print each step with the change of the manifest, write nothing
	format *string, // text (default) or json
) error {
	return run(ctx, value(format), func(ctx context.Context, a tasks.App) error {
		back, err := a.RollBackDocs(ctx, version, value(dryrun))
		return a.Result(back, err)
	})
}
