package changed

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Newest is the version of a container's newest published image: the one that the container is compared with; "" if there is none.
func (c SincePublished) Newest(ctx context.Context, n image.Name) (version string, err error) {
	found, err := c.latest(ctx, n, make(chan struct{}, questions))
	return found.tag, err
}

// latest reads the tags of a container. Tags that end with a commit are ordered by it, without
// a request: only the label of the nearest is read, as an image can be published from a tree
// with changes, or a tag moved, with -force. Of the other versions all labels are read, unless
// an image of HEAD itself exists: nothing is nearer than that.
func (c SincePublished) latest(ctx context.Context, n image.Name, gate chan struct{}) (latest, error) {
	ref, tags, err := c.tags(ctx, n, gate)
	if err != nil {
		return latest{}, err
	}
	var found latest
	var plain []string
	type candidate struct {
		tag   string
		place int
	}
	var telling []candidate
	for _, tag := range tags {
		v, err := image.ParseVersion(tag)
		if err != nil {
			continue
		}
		found.versions++
		commit, tells := v.Commit()
		if !tells {
			plain = append(plain, tag)
		} else if _, place, ok := c.Ancestors.Find(commit); ok {
			telling = append(telling, candidate{tag, place})
		}
	}
	slices.SortFunc(telling, func(a, b candidate) int { return a.place - b.place })
	for _, t := range telling {
		if found.commit != "" && found.place <= t.place {
			break // a label may name another commit than its tag
		}
		ref.Tag = t.tag
		if err := c.read(ctx, ref, gate, &found); err != nil {
			return found, err
		}
	}
	if found.commit != "" && found.place == 0 {
		return found, nil
	}
	return c.nearer(ctx, ref, plain, gate, found)
}

// tags lists the tags of a container's repository.
func (c SincePublished) tags(ctx context.Context, n image.Name, gate chan struct{}) (ref image.Reference, tags []string, err error) {
	some, err := image.ParseVersion("v0.0.0") // a reference has a tag
	if err != nil {
		return ref, nil, err
	}
	if ref, err = image.NewReference(cmp.Or(c.At, c.Host), c.Namespace, n, some); err != nil {
		return ref, nil, err
	}
	gate <- struct{}{}
	defer func() { <-gate }()
	tags, err = c.Registry.Tags(ctx, ref)
	return ref, tags, err
}

// nearer reads the labels of tags in parallel.
func (c SincePublished) nearer(ctx context.Context, ref image.Reference, tags []string, gate chan struct{}, found latest) (latest, error) {
	list := make([]latest, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(questions)
	for i, tag := range tags {
		ref := ref
		ref.Tag = tag
		group.Go(func() error {
			return c.read(ctx, ref, gate, &list[i])
		})
	}
	if err := group.Wait(); err != nil {
		return found, err
	}
	for _, n := range list {
		found.take(n)
	}
	return found, nil
}

// read reads an image's label, and keeps its commit if that is the nearest ancestor so far. The
// label for a tree with changes ends with -dirty, and matches no commit.
func (c SincePublished) read(ctx context.Context, ref image.Reference, gate chan struct{}, best *latest) error {
	gate <- struct{}{}
	defer func() { <-gate }()
	found, there, err := c.Registry.Look(ctx, ref)
	if err != nil || !there || !image.IsCommit(found.Labels[image.LabelRevision]) {
		return err
	}
	if commit, place, ok := c.Ancestors.Find(found.Labels[image.LabelRevision]); ok {
		best.take(latest{commit: commit, place: place, tag: ref.Tag})
	}
	return nil
}
