package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/packagepublish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// PublishPackage builds a Python package from the commit and uploads it to an index.
func (a *App) PublishPackage(ctx context.Context, choice string, args tasks.PackagePublishArgs, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "publish package " + args.Name + " " + args.Version
	publish, err := a.packagePublisher(choice, args.Index)
	if err != nil {
		return packagepublish.Result{}, err
	}
	return a.runPackage(ctx, publish, args, dryRun)
}

// runPackage publishes, and gives the result to the steps that follow in a CI job.
func (a *App) runPackage(ctx context.Context, publish packagepublish.Publish, args tasks.PackagePublishArgs, dryRun bool) (fmt.Stringer, error) {
	if dryRun {
		return publish.DryRun(a.console.Note).Run(ctx, args.Name, args.Version)
	}
	published, err := publish.Run(ctx, args.Name, args.Version)
	if err != nil {
		return published, err
	}
	return published, a.writeOutputs(published)
}

// packagePublisher is the use case with its real adapters.
func (a *App) packagePublisher(choice, flag string) (publish packagepublish.Publish, err error) {
	address, err := a.packageAddress(flag)
	if err != nil {
		return publish, err
	}
	index, err := a.packageIndex(address)
	if err != nil {
		return publish, err
	}
	builder, err := a.packageBuilder(choice)
	if err != nil {
		return publish, err
	}
	git, err := a.git()
	if err != nil {
		return publish, err
	}
	return packagepublish.Publish{
		Folders: settings.List(a.Packages), Repo: git, CheckOut: a.checkOutFolder, Builder: builder, Index: index, MayUpload: a.mayUpload(address),
		Watch: a.progress.step, Note: a.console.Note,
	}, nil
}

// packageTagPrefix begins the tags of Python packages: python-NAME-vX.Y.Z.
const packageTagPrefix = "python-"

// packageTag reads the tag of a Python package. A container of that name comes first.
func (a *App) packageTag(ref string) (name, version string, ok bool) {
	tag, err := image.ParseTag(ref)
	name, isPackage := strings.CutPrefix(string(tag.Name), packageTagPrefix)
	if err != nil || !isPackage {
		return "", "", false
	}
	if _, err := image.Lookup(a.tree(), tag.Name); err == nil {
		return "", "", false
	}
	return name, tag.Version.String(), true
}

// publishPackageTag publishes the Python package of a pushed tag.
func (a *App) publishPackageTag(ctx context.Context, choice, tag string, args tasks.PackagePublishArgs, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "publish a tag"
	publish, err := a.packagePublisher(choice, "")
	if err != nil {
		return packagepublish.Result{}, err
	}
	git, err := a.git()
	if err != nil {
		return packagepublish.Result{}, err
	}
	if publish.Remote, err = a.gitRemote(git, a.readCredentials); err != nil {
		return packagepublish.Result{}, err
	}
	publish.Tag = tag
	return a.runPackage(ctx, publish, args, dryRun)
}

// checkOutFolder has a folder of a commit on this machine until the end of the session.
func (a *App) checkOutFolder(ctx context.Context, commit, dir string) (fs.FS, error) {
	git, err := repo.Open(a.root, repo.WithEnvironment(os.Getenv), repo.WithPacksOpen())
	if err != nil {
		return nil, err
	}
	tree, err := git.CheckOutFolder(ctx, commit, filepath.Join(a.cacheAt, "trees"), dir)
	if err = errors.Join(err, git.Close()); err != nil {
		return nil, err
	}
	a.session.keep(tree.Release)
	root, err := os.OpenRoot(tree.Root)
	if err != nil {
		return nil, err
	}
	a.session.keep(func() { _ = root.Close() }) // it was only read
	return regular.FS(root), nil
}
