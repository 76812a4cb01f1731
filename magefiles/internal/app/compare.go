package app

import (
	"context"
	"errors"
	"os"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changed"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
)

// compared is compare for what opens no repository itself.
func (a *App) compared(ctx context.Context, host string, do func(changed.SincePublished) error) (err error) {
	git, err := repo.Open(a.root, repo.WithEnvironment(os.Getenv), repo.WithPacksOpen())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, git.Close()) }()
	return a.compare(ctx, git, host, do)
}

// compare has HEAD compared with what a registry holds, the site's unless it is named.
func (a *App) compare(ctx context.Context, git *repo.Repo, host string, do func(changed.SincePublished) error) error {
	head, err := git.Head()
	if err != nil {
		return err
	}
	line, err := git.Line(ctx, head.Hash)
	if err != nil {
		return err
	}
	files, err := git.Recorded(head.Hash)
	if err != nil {
		return err
	}
	return do(changed.SincePublished{
		Files: files, Bases: basesOf, Head: head.Hash, Registry: a.comparingClient(), Ancestors: line, Trees: git.Compare(),
		Host: a.Registry, Namespace: a.Namespace, At: host,
	})
}

// basesOf names the images that a Dockerfile takes from registries, with the defaults of
// its arguments.
func basesOf(text string) ([]string, error) {
	d, err := dockerfile.Parse(text)
	if err != nil {
		return nil, err
	}
	refs := make([]string, len(d.Images))
	for i, one := range d.Images {
		refs[i] = one.Reference
	}
	return refs, nil
}
