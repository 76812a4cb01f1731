//go:build mage

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

// publishMany publishes what a list names, or one container under the version that is its own.
func (r *runner) publishMany(ctx context.Context, choice string, args task.PublishArgs, dryRun bool) (fmt.Stringer, error) {
	r.progress.title = "publish " + args.Name
	if len(r.progress.title) > maxTitle {
		r.progress.title = "publish containers"
	}
	one, err := r.publisher(choice)
	if err != nil {
		return task.PublishedMany{}, err
	}
	many := task.PublishMany{
		Each:    func(name image.Name) task.Publish { return r.alongside(one, name) },
		Changed: func(ctx context.Context) ([]image.Name, error) { return r.changedOrPublished(ctx, args) },
		Bases:   basesOf, Note: r.console.Note,
		Newest: func(ctx context.Context, name image.Name) (version string, err error) {
			err = r.compared(ctx, args.Registry, func(c task.Changed) (err error) {
				version, err = c.Newest(ctx, name)
				return err
			})
			return version, err
		},
	}
	if dryRun {
		many = many.DryRun(r.console.Note)
	}
	published, err := many.Run(ctx, args)
	for _, p := range published {
		if !dryRun {
			r.noteUnchanged(p)
		}
	}
	if !task.IsMany(args.Name) && len(published) == 1 {
		return published[0], r.handOnBeside(err, dryRun, published[0])
	}
	if len(published) > 0 || err == nil {
		err = r.handOnBeside(err, dryRun, published)
	}
	if len(published) == 0 && err == nil && r.format == console.JSON {
		return published, r.console.JSON(published)
	}
	return published, err
}

// maxTitle bounds what becomes the name of a file.
const maxTitle = 100

// handOnBeside gives what was published to the steps that follow, also where something else failed.
func (r *runner) handOnBeside(err error, dryRun bool, result handed) error {
	if dryRun {
		return err
	}
	return errors.Join(err, r.handOn(result))
}

// changedNames are those of which the registry that is published to has not what there is now.
func (r *runner) changedNames(ctx context.Context, host string) ([]image.Name, error) {
	changes, err := r.changed(ctx, "", host)
	names := make([]image.Name, len(changes))
	for i, c := range changes {
		r.console.Note(string(c.Name) + ": " + c.Why)
		names[i] = c.Name
	}
	return names, err
}

// alongside is a publication that runs beside others: what it shows of itself has its container's name before it.
func (r *runner) alongside(p task.Publish, name image.Name) task.Publish {
	l := &lane{progress: &r.progress, name: string(name)}
	p.Watch, p.Registry = l.step, r.pushingTo(l.pushed)
	if b, ok := p.Builder.(builder); ok {
		b.images.Step, b.failed = l.part, l.failed
		p.Builder = b
	}
	return p
}

// lane is the progress of one of several publications.
type lane struct {
	progress *progress
	name     string

	mu      sync.Mutex
	current string // the task's step
}

// step is the task's, whose name has the container's before it already.
func (l *lane) step(name string) func(error) {
	l.mu.Lock()
	l.current = name
	l.mu.Unlock()
	return l.progress.step(name)
}

// part is a pipeline's step.
func (l *lane) part(name string) func(error) { return l.progress.step(l.name + ": " + name) }

// pushed tells how far a push is.
func (l *lane) pushed(at registry.Progress) {
	l.progress.event(console.Event{Step: l.now(), State: console.Progress, Current: at.Done, Total: at.Total})
}

// failed is what a command said that failed in this lane, whichever other has begun a step since.
func (l *lane) failed(stdout, stderr string) { l.progress.failedIn(l.now(), stdout, stderr) }

func (l *lane) now() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}
