package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/httpx"
)

// Version is a version of a generic package.
type Version struct {
	Version    string
	Repository string // the linked repository, OWNER/NAME; "" for none, or if the token may not see it
}

// pageSize is the maximum that forges return by default.
const pageSize = 50

// maxPages bounds a list that would not end.
const maxPages = 200

// maxVersions bounds the versions of all pages together.
const maxVersions = 100_000

// Versions lists the versions of a package, in the forge's order; none if there is no such package. It uses a search, which
// every version of Forgejo and Gitea has.
func (c *Client) Versions(ctx context.Context, owner, name string) ([]Version, error) {
	if err := c.check(owner, name); err != nil {
		return nil, err
	}
	var all []Version
	seen := map[string]bool{} // a package that is added meanwhile moves others to the next page
	for page := 1; page <= maxPages; page++ {
		found, err := c.packages(ctx, owner, name, page)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			if strings.EqualFold(p.Name, name) && !seen[p.Version] { // the search matches parts of names, and the forge ignores case
				seen[p.Version] = true
				all = append(all, Version{p.Version, p.Repository.FullName})
			}
		}
		if len(all) > maxVersions {
			return nil, c.fail(ErrRejected, "list versions of "+name, fmt.Sprintf("lists more than %d versions", maxVersions), "delete unused versions")
		}
		if len(found) == 0 { // a short page is not the end: the forge may limit pages to fewer entries
			return all, nil
		}
	}
	return nil, c.fail(ErrRejected, "list versions of "+name, fmt.Sprintf("lists more than %d pages of packages", maxPages), "delete unused versions")
}

type listedPackage struct {
	Name, Version string
	Repository    struct {
		FullName string `json:"full_name"`
	}
}

func (c *Client) packages(ctx context.Context, owner, name string, page int) (found []listedPackage, err error) {
	err = c.get(ctx, "list versions of "+name, readPackages(owner),
		"/api/v1"+path("packages", owner), url.Values{"type": {"generic"}, "q": {name}, "page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(pageSize)}}, answer(&found))
	return found, err
}

// DeleteVersion removes a version with all its files. A missing one is no error.
func (c *Client) DeleteVersion(ctx context.Context, owner, name, version string) error {
	if err := c.check(owner, name, version); err != nil {
		return err
	}
	return c.do(ctx, call{
		what: "delete " + name + "/" + version, right: writePackages(owner), method: http.MethodDelete,
		path: path("api", "packages", owner, "generic", name, version), want: []int{http.StatusNoContent, http.StatusNotFound},
	})
}

// Link links a package to a repository of the same owner, where the forge then shows it. An existing link to it stays;
// ErrExists if the package is linked to another repository. ErrNotFound if there is no such package or repository, or if the
// forge is too old for it.
func (c *Client) Link(ctx context.Context, owner, name, repository string) error {
	if err := c.check(owner, name, repository); err != nil {
		return err
	}
	what := "link package " + name + " to repository " + repository
	versions, err := c.Versions(ctx, owner, name)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		return c.fail(ErrNotFound, what, "does not have the package", "upload a file first")
	}
	linked := versions[0].Repository
	switch {
	case strings.EqualFold(linked, owner+"/"+repository):
		return nil
	case linked != "":
		return c.fail(ErrExists, what, "already links it to "+httpx.Clean(linked), "unlink it in the package's settings")
	}
	err = c.do(ctx, call{
		what: what, right: writePackages(owner),
		method: http.MethodPost, path: "/api/v1" + path("packages", owner, "generic", name, "-", "link", repository),
		want: []int{http.StatusCreated},
	})
	var e *Error
	if errors.As(err, &e) && e.Kind == ErrNotFound {
		e.Problem, e.Advice = "cannot find the repository, or does not support this call", "link it in the package's settings"
	}
	return err
}
