package app

import (
	"context"
	"errors"
	"os"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changed"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
)

// Changed tells which containers' images could be others: against a registry, the site's
// unless it is named, or since a revision.
func (a *App) Changed(ctx context.Context, since, host string) (found changed.Containers, err error) {
	if since != "" && host != "" {
		return nil, console.BadInput(errors.New("-since and -registry cannot be combined: -since compares with a revision, without a registry"))
	}
	if since == "" {
		if err := a.requireRegistry(host); err != nil {
			return nil, err
		}
	}
	git, err := repo.Open(a.root, repo.WithEnvironment(os.Getenv), repo.WithPacksOpen())
	if err != nil {
		return nil, console.BadInput(err)
	}
	defer func() { err = errors.Join(err, git.Close()) }()
	head, err := git.Head()
	if err != nil {
		return nil, console.BadInput(err)
	}
	if since != "" {
		return a.changedSince(ctx, git, head.Hash, since)
	}
	err = a.compare(ctx, git, host, func(c changed.SincePublished) (err error) {
		found, err = c.Run(ctx)
		return err
	})
	return found, err
}

func (a *App) changedSince(ctx context.Context, git *repo.Repo, head, since string) (changed.Containers, error) {
	base, err := git.Base(ctx, since)
	if err != nil {
		return nil, console.BadInput(err)
	}
	paths, err := git.Since(ctx, since)
	if err != nil {
		return nil, err
	}
	return changed.SinceCommit{
		Files: a.workTree(), Bases: basesOf, Head: head, Since: base, Paths: paths, Host: a.Registry, Namespace: a.Namespace,
	}.Run()
}

// ShowChanged prints changes, and hands them on in a CI job. Nothing is a result as well.
func (a *App) ShowChanged(ctx context.Context, since, registry string) error {
	changes, err := a.Changed(ctx, since, registry)
	if err == nil {
		err = a.writeOutputs(changes)
	}
	if err == nil && len(changes) == 0 && a.format == console.JSON {
		return a.console.JSON(changes)
	}
	for _, c := range changes {
		a.console.Note(string(c.Name) + ": " + c.Why)
	}
	return a.Result(changes, err)
}
