package lab

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

var manifestPath = regexp.MustCompile(`^/v2/.+/manifests/([^/]+)$`)

// createOnly refuses the same requests as Zot's policy "create": moving a tag, putting the identical manifest again under it, deleting.
func createOnly(registry http.Handler) http.Handler {
	var tags sync.Mutex // of two requests for the same tag at the same time, one must wait
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		match := manifestPath.FindStringSubmatch(r.URL.Path)
		isTag := match != nil && !strings.Contains(match[1], ":")
		if isTag && r.Method == http.MethodPut {
			tags.Lock()
			defer tags.Unlock()
			if exists(registry, r) {
				_, _ = io.Copy(io.Discard, r.Body) // if the client still sends, its next request could find the connection closed
				denied(w)
				return
			}
		} else if r.Method == http.MethodDelete {
			denied(w)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

// exists asks the registry itself, with the rights of the request.
func exists(registry http.Handler, r *http.Request) bool {
	look := r.Clone(r.Context())
	look.Method, look.Body, look.ContentLength = http.MethodHead, http.NoBody, 0
	look.Header.Del("Expect")
	look.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json")
	answer := &statusOnly{header: http.Header{}, status: http.StatusOK}
	registry.ServeHTTP(answer, look)
	return answer.status == http.StatusOK
}

func denied(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{
		"code": "DENIED", "message": "requested access to the resource is denied",
	}}})
}

// statusOnly is an answer of which only the status is used.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
