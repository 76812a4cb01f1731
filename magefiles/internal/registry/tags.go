package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Tags lists the tags of ref's repository, in the registry's order; ref's own tag is ignored. A repository that the registry says it
// does not have has none. It makes a request for about a thousand tags, depending on the registry's pages.
func (c *Client) Tags(ctx context.Context, ref image.Reference) (tags []string, err error) {
	if _, err := c.transport(); err != nil {
		return nil, err
	}
	repository, err := name.NewRepository(ref.Name(), c.nameOptions(ref)...)
	if err != nil {
		return nil, fmt.Errorf("image repository %q: %w; expected REGISTRY/REPOSITORY", ref.Name(), err)
	}
	from, err := c.reader(repository)
	if err != nil {
		return nil, err
	}
	err = c.ask(ctx, from.acc, "list the tags of "+ref.Name(), func(ctx context.Context) (err error) {
		tags, err = list(ctx, repository, from.Puller)
		if absent(err) {
			tags, err = nil, nil
		}
		return err
	})
	if err != nil {
		return nil, c.explainAs(ctx, reading, ref, ref.Name(), from.acc, err)
	}
	return tags, nil
}

// list reads page after page, up to a limit.
func list(ctx context.Context, repository name.Repository, puller *remote.Puller) (tags []string, err error) {
	pages, err := puller.Lister(ctx, repository)
	if err != nil {
		return nil, err
	}
	for n := 0; pages.HasNext(); n++ {
		if n == maxPages {
			return nil, &httpx.AnswerError{Problem: fmt.Sprintf("lists more than %d pages of tags", maxPages)}
		}
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		if tags = append(tags, page.Tags...); len(tags) > maxTags {
			return nil, &httpx.AnswerError{Problem: fmt.Sprintf("lists too many tags: the maximum is %d", maxTags)}
		}
	}
	return tags, nil
}
