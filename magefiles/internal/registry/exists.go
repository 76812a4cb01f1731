package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Holds asks for the digest that a reference names, or with a digest, whether the repository has that digest; ref's tag is then ignored.
// ok is false only if the registry itself says that there is nothing. It is one request (HEAD), which registries do not count as a pull.
func (c *Client) Holds(ctx context.Context, ref image.Reference, digest string) (found string, ok bool, err error) {
	tag, err := c.tag(ref)
	if err != nil {
		return "", false, err
	}
	var asked name.Reference = tag
	if digest != "" {
		if asked, err = name.NewDigest(ref.Name()+"@"+digest, c.nameOptions(ref)...); err != nil {
			return "", false, fmt.Errorf("image reference %s@%s: %w; expected REGISTRY/REPOSITORY@sha256:DIGEST", ref.Name(), digest, err)
		}
	}
	from, err := c.reader(tag.Repository)
	if err != nil {
		return "", false, err
	}
	err = c.ask(ctx, from.acc, "look up "+asked.String(), func(ctx context.Context) error {
		found, ok, err = exists(ctx, asked, from.Puller)
		return err
	})
	if err != nil {
		return "", false, c.explain(ctx, reading, ref, from.acc, err)
	}
	return found, ok, nil
}

func (c *Client) nameOptions(ref image.Reference) []name.Option {
	opts := []name.Option{name.StrictValidation}
	if plainAllowed(ref.Registry, c.opts.Plain) {
		opts = append(opts, name.Insecure)
	}
	return opts
}

func exists(ctx context.Context, asked name.Reference, puller *remote.Puller) (string, bool, error) {
	head, err := puller.Head(ctx, asked)
	if err == nil {
		return head.Digest.String(), true, nil
	}
	var te *transport.Error
	if !errors.As(err, &te) || te.StatusCode != http.StatusNotFound && te.StatusCode != http.StatusMethodNotAllowed {
		return "", false, err
	}
	// An answer to HEAD has no text, so GET asks again for the reason, which may be a proxy's.
	got, err := puller.Get(ctx, asked)
	if absent(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return got.Digest.String(), true, nil
}

// MayPush asks whether images may be pushed to ref's repository: it begins an upload, and cancels it. Nothing is stored; but some
// registries list a repository after the first upload that was begun.
func (c *Client) MayPush(ctx context.Context, ref image.Reference) error {
	tag, err := c.tag(ref)
	if err != nil {
		return err
	}
	acc := c.account()
	err = c.ask(ctx, acc, "check the right to push to "+ref.Name(), func(ctx context.Context) error { return c.mayPush(ctx, tag.Context(), acc) })
	return c.explain(ctx, writing, ref, acc, err)
}

// mayPush does the same as go-containerregistry's CheckPushPermission, which neither ends with a context nor waits until the upload is
// cancelled.
func (c *Client) mayPush(ctx context.Context, repo name.Repository, acc *account) error {
	auth, err := acc.ResolveContext(ctx, repo.Registry)
	if err != nil {
		return err
	}
	rt, err := c.transport()
	if err != nil {
		return err
	}
	rt, err = transport.NewWithContext(ctx, repo.Registry, auth, rt, []string{repo.Scope(transport.PushScope)})
	if err != nil {
		return err
	}
	at := url.URL{Scheme: repo.Scheme(), Host: repo.RegistryStr(), Path: "/v2/" + repo.RepositoryStr() + "/blobs/uploads/"}
	begun, err := send(ctx, rt, http.MethodPost, at.String())
	if err != nil {
		return err
	}
	if err := transport.CheckError(begun, http.StatusAccepted, http.StatusCreated); err != nil {
		return err
	}
	location, err := at.Parse(begun.Header.Get("Location"))
	if err != nil {
		return nil // it may push; the registry forgets an unfinished upload by itself
	}
	_, _ = send(ctx, rt, http.MethodDelete, location.String())
	return nil
}

// send makes a request without a body and reads the start of the answer, which holds a registry's error.
func send(ctx context.Context, rt http.RoundTripper, method, url string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("User-Agent", userAgent)
	answer, err := (&http.Client{Transport: rt}).Do(q)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, httpx.MaxError))
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer, err
}
