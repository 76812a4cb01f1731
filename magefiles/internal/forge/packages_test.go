package forge

import (
	"fmt"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/lab/faultproxy"
)

func TestVersions(t *testing.T) {
	c, owner, paged := as(t, "write:package"), labForge(t).Owner, own("paged")
	if found, err := c.Versions(t.Context(), owner, paged); err != nil || len(found) != 0 {
		t.Errorf("versions of nothing: %v, %v", found, err)
	}
	const count = pageSize + 3
	for i := range count {
		f := File{owner, paged, fmt.Sprintf("v1.%d.0", i), "x"}
		must(t, c.Upload(t.Context(), f, strings.NewReader("x"), 1))
	}
	must(t, c.Upload(t.Context(), File{owner, paged + "-other", "v9.0.0", "x"}, strings.NewReader("x"), 1))
	found, err := c.Versions(t.Context(), owner, paged)
	must(t, err)
	seen := map[string]bool{}
	for _, v := range found {
		seen[v.Version] = true
	}
	if len(found) != count || len(seen) != count || seen["v9.0.0"] {
		t.Errorf("%d versions, want %d: %v", len(found), count, found)
	}
}

func TestDelete(t *testing.T) {
	c, f := as(t, "write:package"), testFile(t, "x")
	g := f
	g.Name = "y"
	for range 2 { // a missing link or version is no error, and can be made again
		must(t, c.Upload(t.Context(), f, strings.NewReader("x"), 1))
		must(t, c.Upload(t.Context(), g, strings.NewReader("y"), 1))
		must(t, c.DeleteVersion(t.Context(), f.Owner, f.Package, f.Version))
		must(t, c.DeleteVersion(t.Context(), f.Owner, f.Package, f.Version))
		for _, gone := range []File{f, g} {
			_, err := c.Sum(t.Context(), gone)
			c.want(t, err, ErrNotFound)
		}
	}
	defer labForge(t).Proxy().Fail(faultproxy.Fault{Kind: faultproxy.Status, Method: "DELETE", Times: 2})()
	must(t, c.Upload(t.Context(), f, strings.NewReader("x"), 1))
	must(t, c.DeleteVersion(t.Context(), f.Owner, f.Package, f.Version))
}

func TestLink(t *testing.T) {
	c := as(t, "write:package")
	r, _ := seed(t, "linked")
	other, _ := seed(t, "other")
	link := own("link")
	c.want(t, c.Link(t.Context(), r.Owner, link, r.Name), ErrNotFound, "upload a file first")
	must(t, c.Upload(t.Context(), File{r.Owner, link, "v1", "x"}, strings.NewReader("x"), 1))
	c.want(t, c.Link(t.Context(), r.Owner, link, "no-such-repository"), ErrNotFound, "link it in the package's settings")
	for range 2 {
		must(t, c.Link(t.Context(), r.Owner, link, r.Name))
	}
	versions, err := c.Versions(t.Context(), r.Owner, link)
	if err != nil || len(versions) != 1 || versions[0].Repository != r.String() {
		t.Errorf("versions %v, %v", versions, err)
	}
	c.want(t, c.Link(t.Context(), r.Owner, link, other.Name), ErrExists, "already links it to "+r.String())
}
