//go:build mage

package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"sync"

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
	commits := []string{head.Hash}
	if before := r.before(git); before != nil {
		same, err := before(ctx, head.Hash)
		if err != nil {
			return nil, err
		}
		commits = append(commits, same...)
	}
	return task.PublishedOf{
		Files: files, Registry: images{r.readingClient()}, Host: host, Namespace: r.Namespace, Commits: commits,
	}.Run(ctx)
}

// before finds the commits that a commit differs from by promotions alone. Where all of the repository is manifests, nobody can tell.
func (r *runner) before(git *repo.Repo) func(context.Context, string) ([]string, error) {
	folder := path.Clean(r.Manifests)
	if folder == "." {
		return nil
	}
	var (
		mu    sync.Mutex // several containers may be published at once
		known = map[string][]string{}
	)
	return func(ctx context.Context, commit string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if found, ok := known[commit]; ok {
			return found, nil
		}
		found, err := git.SameOutside(ctx, commit, folder)
		if err == nil {
			known[commit] = found
		}
		return found, err
	}
}
