package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changed"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/publish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// publishMany publishes what a list names, or one container under the version that is its own.
func (a *App) publishMany(ctx context.Context, choice string, args tasks.PublishArgs, dryRun bool) (fmt.Stringer, error) {
	a.progress.title = "publish " + args.Name
	if len(a.progress.title) > maxTitle {
		a.progress.title = "publish containers"
	}
	one, err := a.publisher(choice)
	if err != nil {
		return publish.Results{}, err
	}
	many := publish.Many{
		Each:    func(name image.Name) publish.Publish { return a.alongside(one, name) },
		Changed: func(ctx context.Context) ([]image.Name, error) { return a.changedOrPublished(ctx, args) },
		Bases:   basesOf, Note: a.console.Note, Limit: publish.Limit,
		Newest: func(ctx context.Context, name image.Name) (version string, err error) {
			err = a.compared(ctx, args.Registry, func(c changed.SincePublished) (err error) {
				version, err = c.Newest(ctx, name)
				return err
			})
			return version, err
		},
	}
	if p, ok := one.Builder.(pooled); ok {
		many.Limit = p.pool.Limit(publish.Limit)
	}
	if dryRun {
		many = many.DryRun(a.console.Note)
	}
	published, err := many.Run(ctx, args)
	for _, p := range published {
		if !dryRun {
			a.noteUnchanged(p)
		}
	}
	if !publish.IsMany(args.Name) && len(published) == 1 {
		return published[0], a.writeOutputsBeside(err, dryRun, published[0])
	}
	if len(published) > 0 || err == nil {
		err = a.writeOutputsBeside(err, dryRun, published)
	}
	if len(published) == 0 && err == nil && a.format == console.JSON {
		return published, a.console.JSON(published)
	}
	return published, err
}

// maxTitle bounds what becomes the name of a file.
const maxTitle = 100

// changedNames are those of which the registry that is published to has not what there is now.
func (a *App) changedNames(ctx context.Context, host string) ([]image.Name, error) {
	changes, err := a.Changed(ctx, "", host)
	names := make([]image.Name, len(changes))
	for i, c := range changes {
		a.console.Note(string(c.Name) + ": " + c.Why)
		names[i] = c.Name
	}
	return names, err
}

// alongside is a publication that runs beside others: what it shows of itself has its container's name before it.
func (a *App) alongside(p publish.Publish, name image.Name) publish.Publish {
	l := &lane{progress: &a.progress, name: string(name)}
	p.Watch, p.Registry = l.step, a.pushingTo(l.pushed)
	p.Builder = inLane(p.Builder, l)
	return p
}

// inLane is a builder whose steps are shown in a lane.
func inLane(b image.Builder, l *lane) image.Builder {
	switch b := b.(type) {
	case builder:
		b.images.Step, b.failed = l.part, l.failed
		return b
	case pooled:
		b.here.images.Step, b.here.failed = l.part, l.failed
		return b
	}
	return b
}

// changedOrPublished names what has changed and, for versions that are made from the commit, what was published from it already: a run that
// broke off is finished by another, to the end.
func (a *App) changedOrPublished(ctx context.Context, args tasks.PublishArgs) ([]image.Name, error) {
	names, err := a.changedNames(ctx, args.Registry)
	if args.Version != publish.VersionAuto || err != nil && len(names) == 0 {
		return names, err
	}
	published, publishedErr := a.publishedHere(ctx, cmp.Or(args.Registry, a.Registry))
	for _, name := range published {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, errors.Join(err, publishedErr)
}

// publishedHere names what is published from the commit that is checked out, under the version that it gives.
func (a *App) publishedHere(ctx context.Context, host string) ([]image.Name, error) {
	git, err := a.git()
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
	if before := a.before(git); before != nil {
		same, err := before(ctx, head.Hash)
		if err != nil {
			return nil, err
		}
		commits = append(commits, same...)
	}
	return publish.Earlier{
		Files: files, Registry: a.readingClient(), Host: host, Namespace: a.Namespace, Commits: commits,
	}.Run(ctx)
}
