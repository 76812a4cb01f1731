package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsbuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// ReleaseDocs makes the docs public as a version.
func (a *App) ReleaseDocs(ctx context.Context, choice string, args tasks.ReleaseArgs, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "release docs"
	release, err := a.releaser(choice)
	if err != nil {
		return docsrelease.Released{}, err
	}
	if dryRun {
		return release.DryRun(a.console.Note).Run(ctx, args)
	}
	released, err := release.Run(ctx, args)
	if err != nil {
		return released, err
	}
	return released, a.writeOutputs(released)
}

// RollBackDocs deploys an older version of the docs.
func (a *App) RollBackDocs(ctx context.Context, version string, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "roll docs back"
	docs, _, err := a.docs()
	if err != nil {
		return docsrelease.RolledBack{}, err
	}
	keep, err := a.KeptReleases()
	if err != nil {
		return docsrelease.RolledBack{}, console.BadInput(err)
	}
	rollback := docsrelease.Rollback{Systems: docs, Keep: keep}
	if dryRun {
		return rollback.DryRun(a.console.Note).Run(ctx, version)
	}
	back, err := rollback.Run(ctx, version)
	if err != nil {
		return back, err
	}
	return back, a.writeOutputs(back)
}

// releaser is the use case with its real adapters.
func (a *App) releaser(choice string) (docsrelease.Release, error) {
	docs, git, err := a.docs()
	if err != nil {
		return docsrelease.Release{}, err
	}
	zone, err := a.Zone()
	if err != nil {
		return docsrelease.Release{}, console.BadInput(err)
	}
	keep, err := a.KeptReleases()
	if err != nil {
		return docsrelease.Release{}, console.BadInput(err)
	}
	return docsrelease.Release{
		Systems: docs, Builder: docsSite{a, git, choice}, Folder: path.Clean(a.Docs), Zone: zone, Keep: keep,
	}, nil
}

// docs are the parts that a release and a rollback share.
func (a *App) docs() (docsrelease.Systems, *repo.Repo, error) {
	patience, err := a.DeployWait()
	if err != nil {
		return docsrelease.Systems{}, nil, console.BadInput(err)
	}
	if err := a.Require("DocsManifest"); err != nil {
		return docsrelease.Systems{}, nil, console.BadInput(err)
	}
	client, err := a.forge()
	if err != nil {
		return docsrelease.Systems{}, nil, err
	}
	from, err := a.origin(client)
	if err != nil {
		return docsrelease.Systems{}, nil, err
	}
	docs := docsrelease.Systems{
		Origin:    from,
		Tags:      from,
		Packages:  a.docsPackage(client),
		Announcer: forge.Releases{Client: client, Repository: a.repository()},
		Name:      docsName,
		Pins: docsrelease.Pins{
			File: path.Clean(a.DocsManifest), URL: manifest.Env{Variable: docsURLVariable}, Sum: manifest.Env{Variable: docsSumVariable},
		},
		Patience: patience, Watch: a.progress.step, Note: a.console.Note, Warn: a.console.Warn,
	}
	if settings.IsSet(a.ArgoCDURL) {
		docs.Deployer = deployer{client: a.argoCD(0), app: a.ArgoCDApp, timeout: patience, tell: a.progress.line}
	}
	if settings.IsSet(a.DocsURL) {
		docs.Website = publicSite{a.DocsURL, a.http()}
	}
	if settings.IsSet(a.DocsHook) {
		docs.Hook = a.docsHook
	}
	return docs, from.Git, nil
}

// docsSite is a docsrelease.Builder: docs:build at a commit.
type docsSite struct {
	app    *App
	git    *repo.Repo
	engine string // the flag
}

func (s docsSite) Check(ctx context.Context, commit string) error {
	build, err := s.at(commit)
	if err != nil {
		return err
	}
	return build.Check(ctx, tasks.DocsArgs{})
}

func (s docsSite) Source(context.Context) (string, error) {
	build, err := s.app.docsBuilder(s.engine, s.git, "")
	return build.Builder(), err
}

func (s docsSite) Build(ctx context.Context, commit, version, date, file string) error {
	build, err := s.at(commit)
	if err != nil {
		return err
	}
	zone, err := s.app.Zone()
	if err != nil {
		return err
	}
	day, err := time.ParseInLocation(time.DateOnly, date, zone)
	if err != nil {
		return err
	}
	_, err = build.Run(ctx, tasks.DocsArgs{Version: version, Output: file, Time: day, Date: date})
	return err
}

// at builds the docs of a commit, without its changelog fragments.
func (s docsSite) at(commit string) (docsbuild.Build, error) {
	build, err := s.app.docsBuilder(s.engine, s.git, commit)
	if err != nil {
		return docsbuild.Build{}, err
	}
	if build.Tree, err = s.git.Recorded(commit); err != nil {
		return docsbuild.Build{}, err
	}
	config, err := changelog.ParseConfig(build.Tree)
	switch {
	case err == nil:
		build.Settings.Fragment = append(build.Settings.Fragment, config.Directory)
	case !errors.Is(err, fs.ErrNotExist):
		return docsbuild.Build{}, err
	}
	return build, nil
}
