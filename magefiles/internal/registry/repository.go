package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Repository reads and writes the parts of one repository: manifests by their tags, and blobs. It is safe for concurrent use.
type Repository struct {
	client *Client
	ref    image.Reference // without a tag
	acc    *account

	mu     sync.Mutex
	puller *remote.Puller
	pusher *remote.Pusher
}

// Repository returns a repository; the tag of ref is ignored. Nothing is contacted yet.
func (c *Client) Repository(ref image.Reference) *Repository {
	ref.Tag = ""
	return &Repository{client: c, ref: ref, acc: c.account()}
}

// Name is the name of the repository with its registry.
func (r *Repository) Name() string { return r.ref.Name() }

func (r *Repository) tagged(tag string) image.Reference {
	ref := r.ref
	ref.Tag = tag
	return ref
}

// pull calls op with a puller, which keeps the registry's token for all calls, unless one failed.
func (r *Repository) pull(ctx context.Context, what string, op func(context.Context, *remote.Puller) error) error {
	return keeping(ctx, r, what, &r.puller, remote.NewPuller, op)
}

// push is the same for writing.
func (r *Repository) push(ctx context.Context, what string, op func(context.Context, *remote.Pusher) error) error {
	return keeping(ctx, r, what, &r.pusher, remote.NewPusher, op)
}

// keeping calls op with what is kept in the repository, which is made if there is none, and forgotten if a call fails.
func keeping[T any](ctx context.Context, r *Repository, what string, kept **T, create func(...remote.Option) (*T, error), op func(context.Context, *T) error) error {
	use := func(ctx context.Context) (*T, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if *kept != nil {
			return *kept, nil
		}
		opts, err := r.client.remoteOptions(ctx, r.acc)
		if err != nil {
			return nil, err
		}
		made, err := create(opts...)
		if err == nil {
			*kept = made
		}
		return made, err
	}
	return r.client.retry(ctx, r.acc, what, func(ctx context.Context) error {
		one, err := use(ctx)
		if err == nil {
			err = op(ctx, one)
		}
		if err != nil {
			r.mu.Lock()
			*kept = nil
			r.mu.Unlock()
		}
		return err
	})
}

// layer is the name of a blob.
func (r *Repository) layer(digest string) (name.Digest, error) {
	if _, err := r.client.transport(); err != nil {
		return name.Digest{}, err
	}
	return name.NewDigest(r.Name()+"@"+digest, r.client.nameOptions(r.ref)...)
}

// Manifest reads the manifest of a tag. ok is false only if the registry itself says that there is nothing.
func (r *Repository) Manifest(ctx context.Context, tag string) (raw []byte, ok bool, err error) {
	ref := r.tagged(tag)
	named, err := r.client.tag(ref)
	if err != nil {
		return nil, false, err
	}
	err = r.pull(ctx, "read "+ref.String(), func(ctx context.Context, p *remote.Puller) error {
		found, err := p.Get(documents(ctx), named)
		if absent(err) {
			return nil
		}
		if err == nil {
			raw, ok = found.Manifest, true
		}
		return err
	})
	return raw, ok, r.client.explain(ctx, reading, ref, r.acc, err)
}

// Has reports whether the repository has a blob.
func (r *Repository) Has(ctx context.Context, digest string) (has bool, err error) {
	at, err := r.layer(digest)
	if err != nil {
		return false, err
	}
	err = r.pull(ctx, "look up blob "+digest, func(ctx context.Context, p *remote.Puller) error {
		layer, err := p.Layer(ctx, at)
		if err == nil {
			_, err = layer.Size()
		}
		var te *transport.Error
		if errors.As(err, &te) && te.StatusCode == http.StatusNotFound {
			return nil
		}
		has = err == nil
		return err
	})
	return has, r.client.explainAs(ctx, reading, r.ref, r.Name()+"@"+digest, r.acc, err)
}

// Blob opens a blob. The reader fails at its end if the content does not have the digest.
func (r *Repository) Blob(ctx context.Context, digest string) (body io.ReadCloser, err error) {
	at, err := r.layer(digest)
	if err != nil {
		return nil, err
	}
	err = r.pull(ctx, "read blob "+digest, func(ctx context.Context, p *remote.Puller) error {
		layer, err := p.Layer(ctx, at)
		if err == nil {
			body, err = layer.Compressed()
		}
		return err
	})
	if err != nil {
		return nil, r.client.explainAs(ctx, reading, r.ref, r.Name()+"@"+digest, r.acc, err)
	}
	return body, nil
}

// Push uploads a blob, unless the repository has it. open is called for each attempt.
func (r *Repository) Push(ctx context.Context, digest string, size int64, open func() (io.ReadCloser, error)) error {
	at, err := r.layer(digest)
	if err != nil {
		return err
	}
	hash, err := v1.NewHash(digest)
	if err != nil {
		return err
	}
	content := blob{desc: v1.Descriptor{MediaType: types.OCILayer, Size: size, Digest: hash}, open: open}
	err = r.push(ctx, "blob "+digest, func(ctx context.Context, p *remote.Pusher) error {
		return p.Upload(ctx, at.Context(), content.layer())
	})
	return r.client.explainAs(ctx, writing, r.ref, r.Name()+"@"+digest, r.acc, err)
}

// Tag uploads a manifest of an OCI image under a tag.
func (r *Repository) Tag(ctx context.Context, tag string, raw []byte) error {
	ref := r.tagged(tag)
	named, err := r.client.tag(ref)
	if err != nil {
		return err
	}
	m, err := newManifest(raw, types.OCIManifestSchema1)
	if err != nil {
		return err
	}
	err = r.push(ctx, "tag "+tag, func(ctx context.Context, p *remote.Pusher) error { return p.Put(ctx, named, m) })
	return r.client.explain(ctx, writing, ref, r.acc, err)
}

// Tags lists the tags.
func (r *Repository) Tags(ctx context.Context) ([]string, error) { return r.client.Tags(ctx, r.ref) }
