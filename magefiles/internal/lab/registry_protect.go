package lab

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// owner is the registry's own account, for protected repositories. Its password is only in memory.
const owner = "lab"

// protect lets everybody read and write, except writes to protected repositories: these need the owner's account. The registry itself requires an
// account for every request, so that its own port does not bypass this; other requests get the owner's account here.
func (r *Registry) protect(registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.free(q) {
			q = q.Clone(q.Context())
			q.SetBasicAuth(owner, r.password)
		}
		registry.ServeHTTP(w, q)
	})
}

// free reports whether a request needs no account. An ambiguous path needs one.
func (r *Registry) free(q *http.Request) bool {
	if q.Method == http.MethodGet || q.Method == http.MethodHead {
		return true
	}
	at := q.URL.Path
	if q.URL.EscapedPath() != at || path.Clean(at) != strings.TrimSuffix(at, "/") {
		return false
	}
	return !slices.ContainsFunc(r.options.Protected, func(repository string) bool { return strings.HasPrefix(at, "/v2/"+repository+"/") })
}

// users are the accounts of the registry itself.
func (r *Registry) users() map[string]string {
	if len(r.options.Users) == 0 && len(r.options.Protected) > 0 {
		return map[string]string{owner: r.password}
	}
	return r.options.Users
}
