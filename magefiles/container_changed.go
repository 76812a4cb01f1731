//go:build mage

package main

import (
	"context"
	"errors"
	"os"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// changed tells which containers' images could be others: against a registry, the site's
// unless it is named, or since a revision.
func (r *runner) changed(ctx context.Context, since, host string) (found task.ChangedContainers, err error) {
	if since != "" && host != "" {
		return nil, console.BadInput(errors.New("-since asks no registry: leave out -registry, or -since"))
	}
	if err := r.checkRegistry(host); err != nil {
		return nil, err
	}
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv), repo.WithPacksOpen())
	if err != nil {
		return nil, console.BadInput(err)
	}
	defer func() { err = errors.Join(err, git.Close()) }()
	head, err := git.Head()
	if err != nil {
		return nil, console.BadInput(err)
	}
	if since != "" {
		return r.changedSince(ctx, git, head.Hash, since)
	}
	err = r.compare(ctx, git, host, func(c task.Changed) (err error) {
		found, err = c.Run(ctx)
		return err
	})
	return found, err
}

// compared is compare for what opens no repository itself.
func (r *runner) compared(ctx context.Context, host string, do func(task.Changed) error) (err error) {
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv), repo.WithPacksOpen())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, git.Close()) }()
	return r.compare(ctx, git, host, do)
}

// compare has HEAD compared with what a registry holds, the site's unless it is named.
func (r *runner) compare(ctx context.Context, git *repo.Repo, host string, do func(task.Changed) error) error {
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
	return do(task.Changed{
		Files: files, Bases: basesOf, Head: head.Hash, Registry: images{r.readingClient()}, Ancestors: line, Trees: git.Compare(),
		Host: r.Registry, Namespace: r.Namespace, At: host,
	})
}

func (r *runner) changedSince(ctx context.Context, git *repo.Repo, head, since string) (task.ChangedContainers, error) {
	base, err := git.Base(ctx, since)
	if err != nil {
		return nil, console.BadInput(err)
	}
	paths, err := git.Since(ctx, since)
	if err != nil {
		return nil, err
	}
	return task.ChangedSince{
		Files: r.workTree(), Bases: basesOf, Head: head, Since: base, Paths: paths, Host: r.Registry, Namespace: r.Namespace,
	}.Run()
}

// showChanged prints changes, and hands them on in a CI job. Nothing is a result as well.
func (r *runner) showChanged(changes task.ChangedContainers, err error) error {
	if err == nil {
		err = r.handOn(changes)
	}
	if err == nil && len(changes) == 0 && r.format == console.JSON {
		return r.console.JSON(changes)
	}
	for _, c := range changes {
		r.console.Note(string(c.Name) + ": " + c.Why)
	}
	return r.result(changes, err)
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

// readingClient reads from registries, with the site's account for its own. Without the
// account's password, which a job for somebody's pull request does not get, it reads what
// everybody may.
func (r *runner) readingClient() *registry.Client {
	var once sync.Once
	return registry.New(registry.Options{
		Plain: items(r.PlainRegistries), CAFile: r.caFile(), Log: r.console.Note,
		Credentials: func(ctx context.Context, host string) (user, password string, ok bool, err error) {
			user, password, ok, err = r.credentials(ctx, host)
			if err != nil && ctx.Err() == nil {
				once.Do(func() { r.console.Warn(host + " is read without an account: " + err.Error()) })
				return "", "", false, nil
			}
			return user, password, ok, err
		},
	})
}

// Tags makes images a task.TagRegistry.
func (i images) Tags(ctx context.Context, ref image.Reference) ([]string, error) {
	return i.client.Tags(ctx, ref)
}
