package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Push sends a to ref and returns the digest that ref should have afterwards; Verify checks that. Blobs go first, then each image by its digest,
// and the tag last, so an interrupted push leaves nothing under the tag. Content that the registry has is not sent again. A tag that names the same
// content already is not put again: some registries deny even that (create-only policies).
func (c *Client) Push(ctx context.Context, ref image.Reference, a *Artifact) (digest string, err error) {
	tag, err := c.tag(ref)
	if err != nil {
		return "", err
	}
	acc := c.account()
	if err := c.push(ctx, tag, acc, a); err != nil {
		return "", c.explain(ctx, writing, ref, acc, err)
	}
	return a.Digest(), nil
}

func (c *Client) push(ctx context.Context, tag name.Tag, acc *account, a *Artifact) error {
	opts, err := c.remoteOptions(ctx, acc)
	if err != nil {
		return err
	}
	pusher, err := remote.NewPusher(opts...)
	if err != nil {
		return err
	}
	if err := c.pushBlobs(ctx, pusher, tag.Repository, acc, a); err != nil {
		return err
	}
	if err := c.parallel(ctx, len(a.children()), func(ctx context.Context, i int) error {
		img := a.images[i]
		return c.retry(ctx, acc, "image "+img.digest.String(), func(ctx context.Context) error {
			return pusher.Push(ctx, tag.Digest(img.digest.String()), img)
		})
	}); err != nil {
		return err
	}
	return c.retry(ctx, acc, "tag "+tag.TagStr(), func(ctx context.Context) error {
		return pusher.Push(ctx, tag, a.root)
	})
}

func (c *Client) pushBlobs(ctx context.Context, pusher *remote.Pusher, repo name.Repository, acc *account, a *Artifact) error {
	blobs := a.blobs()
	m := &meter{tell: c.opts.Progress}
	for _, b := range blobs {
		m.state.Total += b.desc.Size
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.opts.Jobs)
	for _, b := range blobs {
		g.Go(func() error {
			layer := &meteredLayer{Layer: b.layer(), meter: m}
			err := c.retry(ctx, acc, "blob "+b.desc.Digest.String(), func(ctx context.Context) error {
				return pusher.Upload(ctx, repo, layer)
			})
			if err != nil {
				return err
			}
			return layer.finish()
		})
	}
	return g.Wait()
}

// Verify reads back the image that ref names and compares: the tag's digest with a's, and that each image and blob of
// it is there with its size. Compiled programs are read back whole. A difference is an ErrMismatch.
func (c *Client) Verify(ctx context.Context, ref image.Reference, a *Artifact) error {
	tag, err := c.tag(ref)
	if err != nil {
		return err
	}
	found, ok, err := c.Look(ctx, ref)
	switch {
	case err != nil:
		return err
	case !ok:
		return c.mismatch(ref, "accepted the image, but does not have its tag")
	case found.Digest != a.Digest():
		return c.moved(ctx, ref, found.Digest, a)
	}
	from, err := c.reader(tag.Repository)
	if err != nil {
		return err
	}
	err = c.retry(ctx, from.acc, "verify "+ref.String(), func(ctx context.Context) error { return c.verifyParts(ctx, ref, tag, from.Puller, a) })
	return c.explain(ctx, reading, ref, from.acc, err)
}

func (c *Client) verifyParts(ctx context.Context, ref image.Reference, tag name.Tag, puller *remote.Puller, a *Artifact) error {
	if err := c.parallel(ctx, len(a.children()), func(ctx context.Context, i int) error {
		digest := a.images[i].digest
		if _, err := puller.Head(ctx, tag.Digest(digest.String())); err != nil {
			return c.missing(ref, "image", digest, err)
		}
		return nil
	}); err != nil {
		return err
	}
	blobs := a.blobs()
	if err := c.parallel(ctx, len(blobs), func(ctx context.Context, i int) error {
		if err := verifyBlob(ctx, puller, tag, blobs[i].desc); err != nil {
			return c.missing(ref, "blob", blobs[i].desc.Digest, err)
		}
		return nil
	}); err != nil {
		return err
	}
	return c.verifyPrograms(ctx, ref, puller, tag.Repository, a)
}

// parallel calls do for the numbers below n, a few at a time. It returns the first error.
func (c *Client) parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.opts.Jobs)
	for i := range n {
		g.Go(func() error { return do(ctx, i) })
	}
	return g.Wait()
}

// verifyBlob asks for a blob's size, for which go-containerregistry uses HEAD.
func verifyBlob(ctx context.Context, puller *remote.Puller, tag name.Tag, want v1.Descriptor) error {
	layer, err := puller.Layer(ctx, tag.Digest(want.Digest.String()))
	if err != nil {
		return err
	}
	size, err := layer.Size()
	if err != nil {
		return err
	}
	if size >= 0 && size != want.Size { // -1: the registry does not say
		return fmt.Errorf("%w: %d bytes instead of %d", ErrMismatch, size, want.Size)
	}
	return nil
}

// missing turns a 404 for a pushed part into a mismatch; other errors are returned unchanged.
func (c *Client) missing(ref image.Reference, what string, digest v1.Hash, err error) error {
	var te *transport.Error
	switch {
	case errors.As(err, &te) && te.StatusCode == http.StatusNotFound:
		return c.mismatch(ref, fmt.Sprintf("accepted %s %s, but does not have it", what, digest))
	case errors.Is(err, ErrMismatch):
		return c.mismatch(ref, fmt.Sprintf("stores %s %s with different content (%v)", what, digest, err))
	}
	return err
}

// moved is the error of a tag that names another image. If the registry has the pushed image too, another client has moved the tag since:
// image.ErrMoved.
func (c *Client) moved(ctx context.Context, ref image.Reference, found string, a *Artifact) error {
	err := c.mismatch(ref, fmt.Sprintf("has digest %s for the tag, expected %s", found, a.Digest()))
	if _, ok, holdsErr := c.Holds(ctx, ref, a.Digest()); holdsErr == nil && ok {
		err.err = errors.Join(ErrMismatch, image.ErrMoved)
	}
	return err
}

func (c *Client) mismatch(ref image.Reference, problem string) *Error {
	return &Error{
		Kind: ErrMismatch, Registry: ref.Registry, Reference: ref.String(), Problem: problem,
		Hint: "another client may have pushed at the same time; otherwise check the registry and its proxies",
		err:  ErrMismatch,
	}
}
