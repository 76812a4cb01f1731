package task

import (
	"context"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// PublishedOf finds the containers that a run of NamesChanged with VersionAuto has published for a commit already. They have not changed any
// more; but what came after that, such as a promotion, may have failed, so a run that is repeated takes them along.
type PublishedOf struct {
	Files     fs.FS // the repository
	Registry  Looker
	Host      string   // of the registry
	Namespace string   // before the name, at the registry
	Commits   []string // their full hashes: the one that is checked out, and those before it whose images are its own as well
}

// Looker reads what a registry holds under a reference.
type Looker interface {
	Look(context.Context, image.Reference) (found image.Found, ok bool, err error)
}

// Run asks the registry for each container. One that cannot be used, or states no version, has none there.
func (p PublishedOf) Run(ctx context.Context) (names []image.Name, err error) {
	containers, _ := image.Find(p.Files) // what is wrong with others is told where changes are looked for
	there := make([]bool, len(containers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(questions)
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

// has wants the image to be of the very commit: one of a tree with changes is none that this has published.
func (p PublishedOf) has(ctx context.Context, c image.Container, commit string) (version image.Version, ok bool, err error) {
	if version, err = image.CommitVersion(c.Version, commit); err != nil {
		return version, false, nil
	}
	ref, err := image.NewReference(p.Host, p.Namespace, c.Name, version)
	if err != nil {
		return version, false, err
	}
	found, ok, err := p.Registry.Look(ctx, ref)
	return version, ok && found.Labels[labelRevision] == commit, err
}
