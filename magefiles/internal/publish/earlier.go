package publish

import (
	"context"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// lookLimit is the number of parallel requests to a registry.
const lookLimit = 8

// Earlier finds the containers that an earlier run of NamesChanged with VersionAuto has already published for a commit. They no longer
// count as changed; but a later step, such as a promotion, may have failed, so a repeated run includes them.
type Earlier struct {
	Files     fs.FS // the repository
	Registry  Looker
	Host      string   // of the registry
	Namespace string   // before the name, at the registry
	Commits   []string // their full hashes: that of HEAD, and earlier ones with the same images
}

// Looker reads the image under a reference in a registry.
type Looker interface {
	Look(context.Context, image.Reference) (found image.Found, ok bool, err error)
}

// Run asks the registry for each container. It skips one that is unusable, or states no version.
func (p Earlier) Run(ctx context.Context) (names []image.Name, err error) {
	containers, _ := image.Find(p.Files) // errors of others are reported where changes are searched
	there := make([]bool, len(containers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookLimit)
	for i, c := range containers {
		group.Go(func() error {
			for _, commit := range p.Commits {
				if _, ok, err := p.has(ctx, c, commit); err != nil || ok {
					there[i] = ok
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, c := range containers {
		if there[i] {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// has requires an image of exactly the commit: an image of a tree with changes was not published by such a run.
func (p Earlier) has(ctx context.Context, c image.Container, commit string) (version image.Version, ok bool, err error) {
	if version, err = image.CommitVersion(c.Version, commit); err != nil {
		return version, false, nil
	}
	ref, err := image.NewReference(p.Host, p.Namespace, c.Name, version)
	if err != nil {
		return version, false, err
	}
	found, ok, err := p.Registry.Look(ctx, ref)
	return version, ok && found.Labels[image.LabelRevision] == commit, err
}
