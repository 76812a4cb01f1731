package registry

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// These bound the answers of a registry. A registry with a thousand tags sends less than 100 KB of them.
const (
	maxPages = 500     // of a list of tags
	maxTags  = 100_000 // in all of them
)

// bounded ends an answer that is too large to be read into memory. It does not bound layers, which have the size that a manifest states and
// are not kept. It bounds configs in requests with the context of documents.
func bounded(r *http.Request, resp *http.Response) {
	asked := r
	for asked.Response != nil && asked.Response.Request != nil { // registries redirect blobs to their storage
		asked = asked.Response.Request
	}
	if all, _ := r.Context().Value(documentsKey{}).(bool); strings.Contains(asked.URL.Path, "/blobs/") && !all {
		return
	}
	tooLong := fmt.Sprintf("sends too much for %s %s: the maximum is %d MiB", r.Method, r.URL.Path, maxDocument>>20)
	resp.Body = httpx.Bound(resp.Body, maxDocument, &httpx.AnswerError{Problem: tooLong})
}

type documentsKey struct{}

// documents marks everything read with ctx as a document, blobs included: a manifest could state any size of a config.
func documents(ctx context.Context) context.Context {
	return context.WithValue(ctx, documentsKey{}, true)
}
