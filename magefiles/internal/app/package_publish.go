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
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// PublishPackage builds a Python package from the commit and uploads it to an index.
func (a *App) PublishPackage(ctx context.Context, choice string, args tasks.PackagePublishArgs, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "publish package " + args.Name + " " + args.Version
	publish, err := a.packagePublisher(choice, args)
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
func (a *App) packagePublisher(choice string, args tasks.PackagePublishArgs) (publish packagepublish.Publish, err error) {
	address, err := a.packageAddress(args.Index)
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
		Places: a.packagePlaces(args.Source), Repo: git, CheckOut: a.checkOutFolder, Builder: builder, Index: index, MayUpload: a.mayUpload(address),
		Watch: a.progress.step, Note: a.console.Note,
	}, nil
}

// packageTagPrefix begins the tags of Python packages: python-NAME-vX.Y.Z.
const packageTagPrefix = "python-"

// packageTag reads the tag of a Python package: python-NAME-vX.Y.Z, or vX.Y.Z for the only one. A container python-NAME comes first.
func (a *App) packageTag(ref string) (name, version string, ok bool) {
	if _, err := image.ParseVersion(image.TagName(ref)); err == nil {
		name, ok = a.onlyPackage()
		return name, image.TagName(ref), ok
	}
	tag, err := image.ParseTag(ref)
	name, isPackage := strings.CutPrefix(string(tag.Name), packageTagPrefix)
	if err != nil || !isPackage {
		return "", "", false
	}
	var unknown *image.UnknownError
	if _, err := image.Lookup(a.tree(), tag.Name); !errors.As(err, &unknown) { // one that cannot be built is a container too
		return "", "", false
	}
	return name, tag.Version.String(), true
}

// onlyPackage is the package that a tag vX.Y.Z releases: the only one of a repository that releases no docs. With an invalid pyproject.toml it is
// not known to be the only one.
func (a *App) onlyPackage() (name string, ok bool) {
	if a.DocsManifest != "" {
		return "", false
	}
	found, faults := a.packagePlaces("").Find(a.tree())
	if faults != nil {
		a.console.Note(strings.ReplaceAll(faults.Error(), "\n", "; "))
	}
	if len(found) != 1 || faults != nil {
		return "", false
	}
	return string(found[0].Name), true
}

// publishPackageTag publishes the Python package of a pushed tag.
func (a *App) publishPackageTag(ctx context.Context, choice, tag string, args tasks.PackagePublishArgs, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "publish a tag"
	publish, err := a.packagePublisher(choice, args)
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
