package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/solver"
)

// in is the cache with a folder for temporary files, which it makes.
func (c *Cache) in(dir string) (*solver.Cache, error) {
	if c == nil {
		return nil, nil
	}
	return &solver.Cache{Remote: c.Remote, Dir: dir, Warn: c.Warn}, os.MkdirAll(dir, 0o700)
}

// handler answers requests. If the cache in the registry failed during a request that failed, the request is answered again, without the cache:
// each request of the API can be repeated.
func (c *Cache) handler(sv *solver.Solver, next http.Handler) http.Handler {
	if c == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for {
			build, answer := sv.Build(), &recorder{header: http.Header{}, status: http.StatusOK}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(answer, r)
			if !answer.failed() || !sv.Replaced(r.Context(), build) {
				answer.copyTo(w)
				return
			}
		}
	})
}

// failed reports whether the answer has errors.
func (r *recorder) failed() bool {
	var answer struct{ Errors []json.RawMessage }
	return json.Unmarshal(r.body.Bytes(), &answer) != nil || len(answer.Errors) > 0
}

func (r *recorder) copyTo(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes()) // the client has gone
}

// SaveCache writes the entries of the cache in the registry that the session used.
func (s *Session) SaveCache(ctx context.Context) { s.solver.SaveCache(ctx) }
