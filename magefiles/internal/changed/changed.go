// Package changed finds the containers whose images could differ from the published ones: container:changed.
package changed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"golang.org/x/sync/errgroup"
)

// questions is the number of parallel requests to a registry.
const questions = 8

// latest is the newest published image of a container.
type latest struct {
	versions int    // that are published, of any commit
	commit   string // of the image; "" if none is of an ancestor
	place    int    // in the history
	tag      string // of the image
}

// take keeps a commit if it is nearer than the known one.
func (l *latest) take(n latest) {
	if n.commit != "" && (l.commit == "" || n.place < l.place) {
		l.commit, l.place, l.tag = n.commit, n.place, n.tag
	}
}

// SincePublished lists the containers whose images could differ from the published ones.
//
// A container is compared with its newest published image: the version in the registry whose
// revision label names the nearest ancestor of Head. Channels do not count, nor do images of
// commits that are not ancestors (of other branches, or squashed since) or of trees with
// changes. A container has changed if none of its images counts; if sources of it, or of a
// container that it is built on, differ since that commit; or if a container that it is built
// on has changed itself.
type SincePublished struct {
	Files fs.FS // the repository at Head
	// Bases names the images that a Dockerfile takes from registries.
	Bases     func(dockerfile string) ([]string, error)
	Head      string // the commit: its full hash
	Registry  image.Registry
	Ancestors Ancestors // of Head
	Trees     Differ
	Host      string // of the site's registry, as in Dockerfiles
	Namespace string // before the name, in the registry
	At        string // host of the registry to ask; "" is Host
}

// Run asks the registry, and compares. Unusable containers are in the error, which is returned
// with the changes of the others.
func (c SincePublished) Run(ctx context.Context) (Containers, error) {
	set, faults := readContainers(c.Files, c.Host, c.Namespace, c.Bases)
	if set == nil {
		return nil, faults
	}
	found, err := c.published(ctx, set)
	if err != nil {
		return nil, err
	}
	reason := func(n image.Name, since string) (string, error) {
		return set.first(n, func(s image.Source) (bool, error) { return c.differs(ctx, since, s) })
	}
	own := map[image.Name]string{}
	for _, one := range set.containers {
		switch at, ok := found[one.Name]; {
		case !ok:
			own[one.Name] = "never published"
		case at.commit == "":
			own[one.Name] = "no ancestor of this commit is published"
		default:
			if own[one.Name], err = reason(one.Name, at.commit); err != nil {
				return nil, err
			}
		}
	}
	changes, err := set.changes(c.Head, func(n image.Name) string { return found[n].commit }, func(top, n image.Name) (string, error) {
		if own[n] != "" || top == n {
			return own[n], nil
		}
		if since := found[top].commit; since != "" && since != found[n].commit {
			return reason(n, since)
		}
		return "", nil
	})
	return changes, errors.Join(faults, err)
}

// differs compares the files that count of a source. It reads single files only if something of
// the source differs.
func (c SincePublished) differs(ctx context.Context, since string, s image.Source) (bool, error) {
	is, err := c.Trees.Differs(ctx, since, c.Head, s.Path)
	if err != nil || !is || s.Whole() {
		return is, err
	}
	files, err := c.Trees.Files(ctx, since, c.Head, s.Path)
	return slices.ContainsFunc(files, s.Counts), err
}

// published finds the newest published image of each container that has any version.
func (c SincePublished) published(ctx context.Context, e *containerSet) (map[image.Name]latest, error) {
	gate := make(chan struct{}, questions)
	list := make([]latest, len(e.containers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(questions)
	for i, one := range e.containers {
		group.Go(func() (err error) {
			list[i], err = c.latest(ctx, one.Name, gate)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := map[image.Name]latest{}
	for i, n := range list {
		if n.versions == 0 {
			continue
		}
		if err := c.Ancestors.Whole(); n.commit == "" && err != nil {
			return nil, fmt.Errorf("%s: the history of this clone contains none of its %d published versions: %w", e.containers[i].Name, n.versions, err)
		}
		found[e.containers[i].Name] = n
	}
	return found, nil
}
