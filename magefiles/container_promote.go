//go:build mage

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// Promote has the manifests name a published version of a container by its digest, and pushes that.
//
// VERSION is vX.Y.Z or vX.Y.Z-PRE, a channel (dev, test), or newest, the highest vX.Y.Z
// that the registry holds. A version that it does not hold is refused.
//
// On the forge's default branch newTag and digest are written to the entries of
// kustomizations that lead to the image, and to the field image of containers where no
// such entry counts instead. Nothing else of those files changes. The push begins anew on
// what others push meanwhile, and the checkout is brought along. What names that version
// already is a success, and nothing is pushed.
//
// -sync has Argo CD deploy the commit with all Applications whose folder has such a
// manifest, and waits until they are healthy. A site without Argo CD is told that nothing
// is synced.
//
// Prints one line, REGISTRY/NAMESPACE/NAME:VERSION@DIGEST. In CI the same goes to
// $GITHUB_OUTPUT (reference, digest, status, commit) and $GITHUB_STEP_SUMMARY.
//
//	mage container:promote devpi newest -dryrun
//	mage container:promote devpi v1.1.0 -sync
func (Container) Promote(ctx context.Context, name, version string,
	dryrun *bool, // show the changes of files and what would follow, and write nothing
	sync *bool, // have Argo CD deploy it, and wait
	format *string, // text (default) or json
) error {
	args := task.PromoteArgs{Name: name, Version: version, Sync: value(sync)}
	return run(ctx, value(format), func(ctx context.Context, r *runner) error {
		promoted, err := r.promote(ctx, args, value(dryrun))
		return r.result(promoted, err)
	})
}

func (r *runner) promote(ctx context.Context, args task.PromoteArgs, dryRun bool) (task.Promoted, error) {
	r.progress.title = "promote " + args.Name + " to " + args.Version
	promote, err := r.promoter()
	if err != nil {
		return task.Promoted{}, err
	}
	if dryRun {
		return promote.DryRun(r.console.Note).Run(ctx, args)
	}
	promoted, err := promote.Run(ctx, args)
	if promoted.Reference == "" {
		return promoted, err
	}
	return promoted, errors.Join(err, r.handOn(promoted)) // what is pushed is pushed, whatever became of its deployment
}

// promoter is the use case with its real adapters.
func (r *runner) promoter() (task.Promote, error) {
	client, err := forge.New(forge.Options{URL: r.ForgeURL, Token: r.forgeToken, HTTP: r.http(), Log: r.console.Note})
	if err != nil {
		return task.Promote{}, console.BadInput(err)
	}
	origin, err := r.origin(client, forge.Repository{Owner: r.Owner, Name: r.Repository})
	if err != nil {
		return task.Promote{}, err
	}
	promote := task.Promote{
		Origin: origin, Registry: r.pushingTo(nil), Host: r.Registry, Namespace: r.Namespace, Manifests: path.Clean(r.Manifests),
		Watch: r.progress.step, Note: r.console.Note, Warn: r.console.Warn,
	}
	if !isSet(r.ArgoCDURL) {
		return promote, nil
	}
	patience, err := r.patience()
	if err != nil {
		return task.Promote{}, err
	}
	ours := r.addresses(origin.git)
	if r.PackagesURL != "" { // as those see the forge who deploy
		ours = append(ours, r.PackagesURL+"/"+r.Owner+"/"+r.Repository)
	}
	promote.Applications = deployers{
		deployer{client: &argo.Client{BaseURL: argoURL(r.ArgoCDURL), Token: r.argoToken, HTTP: r.http(), Log: r.console.Note}, timeout: patience, tell: r.deploying}, ours,
	}
	return promote, nil
}

// patience is how long a deployment may take.
func (r *runner) patience() (time.Duration, error) {
	patience, err := time.ParseDuration(r.DeployTimeout)
	if err != nil || patience <= 0 {
		return 0, console.BadInput(fmt.Errorf("BLUMEOPS_DEPLOY_TIMEOUT: %q is not a time, as in 5m", r.DeployTimeout))
	}
	return patience, nil
}

// deployers is a task.Applications: those of Argo CD.
type deployers struct {
	any  deployer // of no Application in particular
	ours []string // addresses of the repository
}

func (d deployers) Of(name string) task.Deployer {
	one := d.any
	one.app = name
	return one
}

// Deploying leaves out what follows a tag or a commit: it never deploys what is pushed to the branch.
func (d deployers) Deploying(ctx context.Context) ([]task.DeployedFolder, error) {
	listed, err := d.any.client.List(ctx)
	if err != nil {
		return nil, err
	}
	var all []task.DeployedFolder
	for _, app := range listed {
		for _, f := range app.Folders {
			if source := (kubernetes.Source{RepoURL: f.Repo, Revision: f.Revision}); source.In(d.ours) && source.Moves() {
				all = append(all, task.DeployedFolder{Application: app.Name, Folder: path.Clean(f.Path), Recurse: f.Recurse})
			}
		}
	}
	return all, nil
}

// promoting is what comes after a publication.
type promoting struct {
	on   bool // -promote
	sync bool // -sync
}

// publishAndPromote publishes, and has the manifests name what was published. What would keep them from it is refused before anything is built.
func (r *runner) publishAndPromote(ctx context.Context, choice string, args task.PublishArgs, dryRun bool, then promoting) (fmt.Stringer, error) {
	if err := r.checkRegistry(args.Registry); err != nil {
		return task.Published{}, err
	}
	if err := r.mayPromote(ctx, args, then); err != nil {
		return task.Published{}, err
	}
	published, err := r.publish(ctx, choice, args, dryRun)
	return published, errors.Join(err, r.promoteAll(ctx, published, dryRun, then))
}

// ciTagAndPromote is the same for a tag.
func (r *runner) ciTagAndPromote(ctx context.Context, choice, ref string, dryRun bool, then promoting) (task.Published, error) {
	name := ""
	if tag, err := image.ParseTag(ref); err == nil {
		name = string(tag.Name)
	} else if then.on {
		then = promoting{} // nothing will be published, or ciTag says what is wrong
	}
	if err := r.mayPromote(ctx, task.PublishArgs{Name: name}, then); err != nil {
		return task.Published{}, err
	}
	published, err := r.ciTag(ctx, choice, ref, dryRun)
	return published, errors.Join(err, r.promoteAll(ctx, published, dryRun, then)) // what is published is published, whatever became of handing it on
}

// mayPromote refuses what can be refused before there is an image.
func (r *runner) mayPromote(ctx context.Context, args task.PublishArgs, then promoting) error {
	switch {
	case !then.on && then.sync:
		return console.BadInput(errors.New("-sync wants -promote: only what the manifests name is deployed"))
	case !then.on:
		return nil
	case args.Registry != "" && args.Registry != r.Registry:
		return console.BadInput(fmt.Errorf("-promote writes images of %s, and this one goes to %s; publish it without", r.Registry, args.Registry))
	}
	promote, err := r.promoter()
	if err != nil {
		return err
	}
	if args.Name == task.NamesChanged { // which are not known yet
		return promote.Origin.CheckPush(ctx)
	}
	names, err := task.Names(args.Name)
	if err != nil {
		return err
	}
	var refused []error
	for _, name := range names {
		refused = append(refused, r.unused(promote.Check(ctx, string(name), then.sync)))
	}
	return errors.Join(refused...)
}

// unused makes a warning of it that no manifest deploys a container: there is nothing to promote, and the image is good all the same.
func (r *runner) unused(err error) error {
	var none *task.NoUseError
	if !errors.As(err, &none) {
		return err
	}
	r.console.Warn(none.Error() + ": nothing is promoted")
	return nil
}

// promoteAll promotes what was published, one after the other, as each makes a commit on the one before. One that fails stops none of the others.
func (r *runner) promoteAll(ctx context.Context, result fmt.Stringer, dryRun bool, then promoting) error {
	var published []task.Published
	switch result := result.(type) {
	case task.Published:
		published = []task.Published{result}
	case task.PublishedMany:
		published = result
	}
	var failed []error
	for _, p := range published {
		if !then.on || p.Reference == "" || ctx.Err() != nil {
			continue
		}
		if err := r.unused(r.promoteOne(ctx, p, dryRun, then)); err != nil {
			failed = append(failed, fmt.Errorf("promote %s: %w", p.Name, err))
		}
	}
	return errors.Join(failed...)
}

func (r *runner) promoteOne(ctx context.Context, p task.Published, dryRun bool, then promoting) error {
	args := task.PromoteArgs{Name: string(p.Name), Version: p.Version, Digest: p.Digest, Sync: then.sync}
	promote, err := r.promoter()
	if err != nil {
		return err
	}
	switch {
	case dryRun && p.Digest == "":
		promote = promote.DryRunUnpublished(r.console.Note)
	case dryRun:
		promote = promote.DryRun(r.console.Note)
	}
	promoted, err := promote.Run(ctx, args)
	if err != nil || dryRun {
		return err
	}
	console := console.Output{SummaryFile: os.Getenv("GITHUB_STEP_SUMMARY"), Redactor: r.console.Redactor()}
	return console.Summary(promoted.Summary())
}
