//go:build mage

package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// changedOrPublished names what has changed and, for versions that are made from the commit, what was published from it already: a run that
// broke off is finished by another, to the end.
func (r *runner) changedOrPublished(ctx context.Context, args task.PublishArgs) ([]image.Name, error) {
	names, err := r.changedNames(ctx, args.Registry)
	if args.Version != task.VersionAuto || err != nil && len(names) == 0 {
		return names, err
	}
	published, publishedErr := r.publishedHere(ctx, cmp.Or(args.Registry, r.Registry))
	for _, name := range published {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, errors.Join(err, publishedErr)
}

// publishedHere names what is published from the commit that is checked out, under the version that it gives.
func (r *runner) publishedHere(ctx context.Context, host string) ([]image.Name, error) {
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv))
	if err != nil {
		return nil, err
	}
	head, err := git.Head()
	if err != nil {
		return nil, err
	}
	files, err := git.Recorded(head.Hash)
	if err != nil {
		return nil, err
	}
	return task.PublishedOf{
		Files: files, Registry: images{r.readingClient()}, Host: host, Namespace: r.Namespace, Commit: head.Hash,
	}.Run(ctx)
}
