package lab

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// owner is the account of a registry's own, for what is protected in it. Its password is in memory alone.
const owner = "lab"

// protect lets everybody read and write, but for writes to protected repositories: these need the owner's account. The registry itself asks for
// an account for everything, so that nobody gets past this on the port behind it; others get the owner's from here.
func (r *Registry) protect(registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.free(q) {
			q = q.Clone(q.Context())
			q.SetBasicAuth(owner, r.password)
		}
		registry.ServeHTTP(w, q)
	})
}

// free says that a request needs no account. A path that could be read in more than one way needs one.
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

// users are the accounts that the registry itself knows.
func (r *Registry) users() map[string]string {
	if len(r.options.Users) == 0 && len(r.options.Protected) > 0 {
		return map[string]string{owner: r.password}
	}
	return r.options.Users
}
