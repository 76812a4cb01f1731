package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/baseimage"
)

// Seed puts the image of an OCI layout folder into the registry under ref, such as "library/debian:bookworm-slim". It uses the registry's own
// API, as one of its users if it has users. If that image is there already, nothing is written.
func (r *Registry) Seed(ctx context.Context, ref, layout string) error {
	repository, tag, ok := strings.Cut(ref, ":")
	if !ok {
		return fmt.Errorf("seed %s: a reference without a tag", ref)
	}
	desc, manifest, raw, err := baseimage.ReadManifest(layout)
	if err != nil {
		return fmt.Errorf("seed %s: %w", ref, err)
	}
	target := r.URL() + "/v2/" + repository + "/manifests/" + tag
	// An error that prevents this request also prevents the later ones, and is reported there.
	if header, err := r.do(ctx, http.MethodHead, target, desc.MediaType, 0, nil, http.StatusOK); err == nil &&
		header.Get("Docker-Content-Digest") == desc.Digest.String() {
		return nil
	}
	for _, blob := range append([]v1.Descriptor{manifest.Config}, manifest.Layers...) {
		if err := r.upload(ctx, repository, blob, baseimage.BlobPath(layout, blob.Digest)); err != nil {
			return fmt.Errorf("seed %s: %w", ref, err)
		}
	}
	if _, err := r.do(ctx, http.MethodPut, target, desc.MediaType, int64(len(raw)), bytes.NewReader(raw), http.StatusCreated); err != nil {
		return fmt.Errorf("seed %s: %w", ref, err)
	}
	return nil
}

// upload sends a blob in one piece: a POST opens the upload, a PUT with the digest ends it.
func (r *Registry) upload(ctx context.Context, repository string, blob v1.Descriptor, path string) error {
	header, err := r.do(ctx, http.MethodPost, r.URL()+"/v2/"+repository+"/blobs/uploads/", "", 0, nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	target, err := url.Parse(header.Get("Location"))
	if err != nil {
		return fmt.Errorf("upload location: %w", err)
	}
	query := target.Query()
	query.Set("digest", blob.Digest.String())
	target.RawQuery = query.Encode()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = r.do(ctx, http.MethodPut, target.String(), "application/octet-stream", blob.Size, f, http.StatusCreated)
	return err
}

func (r *Registry) do(ctx context.Context, method, target, mediaType string, size int64, body io.Reader, want int) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
		req.Header.Set("Accept", mediaType)
	}
	for user, password := range r.users() {
		req.SetBasicAuth(user, password)
		break
	}
	resp, err := r.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return nil, fmt.Errorf("%s %s: %s: %s", method, req.URL.Path, resp.Status, text)
	}
	return resp.Header, nil
}
