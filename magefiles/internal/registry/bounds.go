package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// What is taken of a registry's answers. A registry with a thousand tags sends less than 100 KB of them.
const (
	maxPages = 500     // of a list of tags
	maxTags  = 100_000 // in all of them
)

// boundError is an answer without an end, or that is as good as that.
type boundError struct{ problem, limit string }

// Error implements error.
func (e *boundError) Error() string { return e.problem + ": at most " + e.limit }

// bounded ends an answer that is too large to be read into memory. Layers are not among them: they have the size that a manifest says, and are
// not kept. Configs are, where documents was called.
func bounded(r *http.Request, resp *http.Response) {
	asked := r
	for asked.Response != nil && asked.Response.Request != nil { // registries redirect blobs to their storage
		asked = asked.Response.Request
	}
	if all, _ := r.Context().Value(documentsKey{}).(bool); strings.Contains(asked.URL.Path, "/blobs/") && !all {
		return
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxDocument, what: r.Method + " " + r.URL.Path}
}

type documentsKey struct{}

// documents says that everything read with ctx is a document, blobs included: a manifest could state any size of a config.
func documents(ctx context.Context) context.Context {
	return context.WithValue(ctx, documentsKey{}, true)
}

type boundedBody struct {
	io.ReadCloser
	left int64
	what string
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, &boundError{"sends too much in answer to " + b.what, fmt.Sprintf("%d MiB are read", maxDocument>>20)}
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		n, err = n-1, nil
	}
	return n, err
}
